//! The help in the reader's language: English stands in the arguments themselves, Chinese in the texts under `help-<command>-<argument>`.

use clap::Command;

use crate::texts::Texts;

/// `command` with every help text replaced for which the language has one.
pub(crate) fn localized(command: Command, texts: &Texts) -> Command {
    translate(command, texts, "help")
}

fn translate(mut command: Command, texts: &Texts, path: &str) -> Command {
    if let Some(about) = texts.find(path, &[]) {
        command = command.about(about.clone()).long_about(about);
    }
    let names: Vec<_> = command.get_arguments().map(|arg| arg.get_id().to_string()).collect();
    for name in names {
        let own = format!("{path}-{}", name.replace('_', "-"));
        let shared = format!("help-{}", name.replace('_', "-"));
        if let Some(text) = texts.find(&own, &[]).or_else(|| texts.find(&shared, &[])) {
            command = command.mut_arg(name, |arg| arg.help(text.clone()).long_help(text));
        }
    }
    let children: Vec<_> = command.get_subcommands().map(|child| child.get_name().to_owned()).collect();
    for child in children {
        let path = format!("{path}-{child}");
        command = command.mut_subcommand(child, |command| translate(command, texts, &path));
    }
    command
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;
    use xiezhi_verify::Lang;

    use super::*;

    fn untranslated(command: &Command, texts: &Texts, path: &str, missing: &mut Vec<String>) {
        if texts.find(path, &[]).is_none() {
            missing.push(path.to_owned());
        }
        for arg in command.get_arguments() {
            let name = arg.get_id().to_string().replace('_', "-");
            let found = texts
                .find(&format!("{path}-{name}"), &[])
                .or_else(|| texts.find(&format!("help-{name}"), &[]));
            if found.is_none() {
                missing.push(format!("{path}-{name}"));
            }
        }
        for child in command.get_subcommands() {
            untranslated(child, texts, &format!("{path}-{}", child.get_name()), missing);
        }
    }

    #[test]
    fn every_command_and_argument_has_chinese_help() {
        let mut missing = Vec::new();
        untranslated(&crate::args::Cli::command(), &Texts::new(Lang::Zh), "help", &mut missing);
        assert_eq!(missing, Vec::<String>::new());
    }

    #[test]
    fn the_command_line_is_well_formed() {
        crate::args::Cli::command().debug_assert();
    }
}
