//! Pages in the browser: `portal` serves them over nodes, `up` beside the alliance, `verifier-page` writes the one that needs no network.

use std::path::Path;

use anyhow::{Context as _, bail};
use tokio::{net::TcpListener, task::JoinHandle};

use crate::{
    Ending, Usage,
    args::{Common, Portal},
    home,
    serve::{listen, told_to_stop},
    texts::Texts,
};

/// Writes the offline page.
pub(crate) fn write_offline(file: &Path, texts: &Texts) -> anyhow::Result<Ending> {
    if file.exists() {
        bail!(Usage(texts.get("page-exists", &[("file", &file.display())])));
    }
    home::write_whole(file, xiezhi_portal::offline_page().as_bytes(), false)?;
    println!("{}", texts.get("page-written", &[("file", &file.display())]));
    Ok(Ending::Done)
}

/// Serves pages until the task is aborted, and says where.
pub(crate) fn serve(
    listener: TcpListener,
    pages: axum::Router,
    texts: &Texts,
) -> anyhow::Result<JoinHandle<std::io::Result<()>>> {
    let url = format!("http://{}", listener.local_addr()?);
    let serving = tokio::spawn(async move { axum::serve(listener, pages).await });
    println!("{}", texts.get("pages-run", &[("url", &url)]));
    Ok(serving)
}

pub(crate) async fn run(common: &Common, options: &Portal, texts: &Texts) -> anyhow::Result<Ending> {
    let client = home::client(common, texts)?;
    let listener = listen(options.listen, "--listen", texts).await?;
    let beside = xiezhi_portal::Beside { vault: options.with_vault, ..Default::default() };
    let serving = serve(listener, xiezhi_portal::router(client, beside), texts)?;
    tokio::select! {
        ended = serving => ended?.context("the pages' server ended").map(|()| Ending::Done),
        () = told_to_stop() => Ok(Ending::Done),
    }
}
