//! Pages in the browser: `portal` serves them over nodes, `up` beside the alliance, `verifier-page` writes the one that needs no network.

use std::{path::Path, sync::Arc};

use anyhow::{Context as _, bail};
use tokio::{net::TcpListener, task::JoinHandle};
use xiezhi_client::Client;

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

/// Serves the pages over `client`'s nodes, those of `office` and a vault, until the task is aborted, and says where.
pub(crate) fn serve(
    listener: TcpListener,
    client: Client,
    office: Option<Arc<xiezhi_office::Service>>,
    vault: Option<axum::Router>,
    texts: &Texts,
) -> anyhow::Result<JoinHandle<std::io::Result<()>>> {
    let url = format!("http://{}", listener.local_addr()?);
    let mut router = xiezhi_portal::router(client, office, vault.is_some());
    if let Some(vault) = vault {
        router = router.nest_service("/vault", vault);
    }
    let serving = tokio::spawn(async move { axum::serve(listener, router).await });
    println!("{}", texts.get("pages-run", &[("url", &url)]));
    Ok(serving)
}

pub(crate) async fn run(common: &Common, options: &Portal, texts: &Texts) -> anyhow::Result<Ending> {
    let client = home::client(common, texts)?;
    let listener = listen(options.listen, "--listen", texts).await?;
    let serving = serve(listener, client, None, None, texts)?;
    tokio::select! {
        ended = serving => ended?.context("the pages' server ended").map(|()| Ending::Done),
        () = told_to_stop() => Ok(Ending::Done),
    }
}
