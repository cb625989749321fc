//! Pages in the browser: `portal` serves them over nodes, `up` beside the alliance, `verifier-page` writes the one that needs no network.

use std::{net::SocketAddr, path::Path};

use anyhow::{Context as _, bail};
use tokio::{net::TcpListener, task::JoinHandle};
use xiezhi_client::Client;

use crate::{
    Ending, Usage,
    args::{Common, Portal},
    home, serve,
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

/// Serves the pages over `client`'s nodes at `listen`, until the task is aborted.
pub(crate) async fn start(
    listen: SocketAddr,
    client: Client,
) -> anyhow::Result<JoinHandle<std::io::Result<()>>> {
    let listener = TcpListener::bind(listen).await.map_err(|error| {
        if error.kind() == std::io::ErrorKind::AddrInUse {
            return Usage(format!("{listen} is in use: choose another address for the pages")).into();
        }
        anyhow::Error::new(error).context(format!("cannot listen at {listen}"))
    })?;
    let router = xiezhi_portal::router(client);
    Ok(tokio::spawn(async move { axum::serve(listener, router).await }))
}

pub(crate) async fn run(common: &Common, options: &Portal, texts: &Texts) -> anyhow::Result<Ending> {
    let serving = start(options.listen, home::client(common, texts)?).await?;
    println!("{}", texts.get("pages-run", &[("url", &format!("http://{}", options.listen))]));
    tokio::select! {
        ended = serving => ended?.context("the pages' server ended").map(|()| Ending::Done),
        () = serve::asked_to_stop() => Ok(Ending::Done),
    }
}
