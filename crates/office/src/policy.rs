//! Who may do what: one table, asked in one place.
//!
//! A row is an action; a column is a role; the cell says on whose applications. What is not in the table is not allowed.

use serde::{Deserialize, Serialize};

/// What a session is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// A program that applies, for itself or for those who use it.
    Client,
    /// A person who logged in.
    Person,
    /// A registration officer: decides.
    Officer,
    /// A data protection officer: erases.
    Protection,
    /// An auditor: sees what was done, and nobody's data.
    Auditor,
}

impl Role {
    /// Its stable name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Person => "person",
            Self::Officer => "officer",
            Self::Protection => "protection",
            Self::Auditor => "auditor",
        }
    }
}

/// What can be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// Applying.
    Apply,
    /// Listing applications, without anybody's data.
    List,
    /// Reading an application's data.
    ReadData,
    /// Reading state and history, without the data and the reasons.
    ReadHistory,
    /// Presenting an assertion.
    Assert,
    /// Taking an application back.
    Withdraw,
    /// Approving, refusing, rescinding.
    Decide,
    /// Binding an account.
    Bind,
    /// Reading a binding's certificate with everything in it.
    ReadBinding,
    /// Revoking a binding.
    RevokeBinding,
    /// Erasing a person's data.
    Erase,
    /// Reading the records of erasures.
    ReadErasures,
}

/// On whose applications.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Nobody's.
    Nobody,
    /// One's own.
    Own,
    /// Those at one's institution.
    Institution,
    /// Those at one's institution that are not one's own: nobody decides on himself.
    Others,
}

use Scope::{Institution, Nobody, Others, Own};

/// The roles, in the table's order.
pub const ROLES: [Role; 5] = [Role::Client, Role::Person, Role::Officer, Role::Protection, Role::Auditor];

/// The table.
#[rustfmt::skip]
pub const TABLE: [(Action, [Scope; 5]); 12] = [
    //                      client   person   officer      protection   auditor
    (Action::Apply,         [Own,    Own,     Nobody,      Nobody,      Nobody]),
    (Action::List,          [Own,    Own,     Institution, Institution, Institution]),
    (Action::ReadData,      [Own,    Own,     Institution, Institution, Nobody]),
    (Action::ReadHistory,   [Own,    Own,     Institution, Institution, Institution]),
    (Action::Assert,        [Own,    Own,     Nobody,      Nobody,      Nobody]),
    (Action::Withdraw,      [Own,    Own,     Nobody,      Nobody,      Nobody]),
    (Action::Decide,        [Nobody, Nobody,  Others,      Nobody,      Nobody]),
    (Action::Bind,          [Own,    Own,     Nobody,      Nobody,      Nobody]),
    (Action::ReadBinding,   [Own,    Own,     Nobody,      Nobody,      Nobody]),
    (Action::RevokeBinding, [Own,    Own,     Institution, Nobody,      Nobody]),
    (Action::Erase,         [Nobody, Nobody,  Nobody,      Institution, Nobody]),
    (Action::ReadErasures,  [Nobody, Nobody,  Nobody,      Institution, Institution]),
];

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Who it is: the name in the configuration, or a person's number here.
    pub principal: String,
    /// As what.
    pub role: Role,
    /// For which institution: an officer's employer; for others the institution whose office this is.
    pub institution: String,
}

/// What it is asked of: an application, or nothing that exists yet.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    /// Whose it is.
    pub owner: &'a str,
    /// At which institution.
    pub institution: &'a str,
}

/// On whose applications `role` may do `action`.
#[must_use]
pub fn scope(role: Role, action: Action) -> Scope {
    let column = ROLES.iter().position(|known| *known == role);
    let row = TABLE.iter().find(|(known, _)| *known == action);
    row.zip(column).map_or(Nobody, |((_, scopes), column)| scopes[column])
}

/// Whether `session` may do `action` on `target`.
#[must_use]
pub fn allows(session: &Session, action: Action, target: Target<'_>) -> bool {
    let is_own = session.principal == target.owner;
    let is_here = session.institution == target.institution;
    match scope(session.role, action) {
        Nobody => false,
        Own => is_own && is_here,
        Institution => is_here,
        Others => is_here && !is_own,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each row again, in words: action; who may on one's own, who on others' at one's institution.
    const EXPECTED: [(Action, &[Role], &[Role]); 12] = {
        use Role::{Auditor, Client, Officer, Person, Protection};
        [
            (Action::Apply, &[Client, Person], &[]),
            (Action::List, &[Client, Person, Officer, Protection, Auditor], &[Officer, Protection, Auditor]),
            (Action::ReadData, &[Client, Person, Officer, Protection], &[Officer, Protection]),
            (
                Action::ReadHistory,
                &[Client, Person, Officer, Protection, Auditor],
                &[Officer, Protection, Auditor],
            ),
            (Action::Assert, &[Client, Person], &[]),
            (Action::Withdraw, &[Client, Person], &[]),
            (Action::Decide, &[], &[Officer]),
            (Action::Bind, &[Client, Person], &[]),
            (Action::ReadBinding, &[Client, Person], &[]),
            (Action::RevokeBinding, &[Client, Person, Officer], &[Officer]),
            (Action::Erase, &[Protection], &[Protection]),
            (Action::ReadErasures, &[Protection, Auditor], &[Protection, Auditor]),
        ]
    };

    #[test]
    fn every_row_of_the_table_says_what_was_meant() {
        assert_eq!(EXPECTED.len(), TABLE.len());
        for (action, on_own, on_others) in EXPECTED {
            for role in ROLES {
                let session = Session { principal: "me".to_owned(), role, institution: "ca".to_owned() };
                let of = |owner, institution| allows(&session, action, Target { owner, institution });
                assert_eq!(of("me", "ca"), on_own.contains(&role), "{action:?} {role:?} own");
                assert_eq!(of("other", "ca"), on_others.contains(&role), "{action:?} {role:?} another's");
                assert!(!of("me", "notary") && !of("other", "notary"), "{action:?} {role:?} elsewhere");
            }
        }
    }
}
