//! The same for threads that wait for the answer.

use std::{future::Future, sync::mpsc};

use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _};
use tokio::runtime::{Builder, Handle, Runtime, RuntimeFlavor};

use crate::{Access, Objects, ObjectsError};

/// How many objects are on their way at once.
const AT_ONCE: usize = 16;

/// A place whose calls block; with a runtime of its own, so that any thread may call.
///
/// A worker of a runtime with several hands its other tasks to the rest while it waits; that of a runtime with one thread holds them up.
pub struct Waiting {
    objects: Objects,
    /// There until this is dropped.
    runtime: Option<Runtime>,
}

impl Waiting {
    /// As [`Objects::open`].
    ///
    /// # Errors
    /// [`ObjectsError`].
    pub fn open(url: &str, access: &Access) -> Result<Self, ObjectsError> {
        let objects = Objects::open(url, access)?;
        let mut builder = Builder::new_multi_thread();
        builder.worker_threads(1).thread_name("objects").enable_all();
        let runtime = builder.build().map_err(ObjectsError::Thread)?;
        Ok(Self { objects, runtime: Some(runtime) })
    }

    /// As [`Objects::place`].
    #[must_use]
    pub fn place(&self) -> &str {
        self.objects.place()
    }

    /// As [`Objects::get`].
    ///
    /// # Errors
    /// [`ObjectsError`].
    pub fn get(&self, name: &str, bytes_max: u64) -> Result<Option<Bytes>, ObjectsError> {
        let (objects, name) = (self.objects.clone(), name.to_owned());
        self.wait(async move { objects.get(&name, bytes_max).await })
    }

    /// As [`Objects::put_if_absent`].
    ///
    /// # Errors
    /// [`ObjectsError`].
    pub fn put_if_absent(&self, name: &str, bytes: Bytes) -> Result<bool, ObjectsError> {
        let (objects, name) = (self.objects.clone(), name.to_owned());
        self.wait(async move { objects.put_if_absent(&name, bytes).await })
    }

    /// Keeps each of these and reads it back, several at once; when this returns, all are there as they were given.
    ///
    /// # Errors
    /// The first [`ObjectsError`], [`ObjectsError::Altered`] among them; some of the objects may be there then.
    pub fn put_checked(&self, all: Vec<(String, Bytes)>) -> Result<(), ObjectsError> {
        let objects = self.objects.clone();
        let puts = futures::stream::iter(all).map(move |(name, bytes)| {
            let objects = objects.clone();
            async move {
                objects.put(&name, bytes.clone()).await?;
                if objects.get(&name, bytes.len() as u64).await? == Some(bytes) {
                    return Ok(());
                }
                Err(ObjectsError::Altered { place: objects.place().to_owned(), name })
            }
        });
        self.wait(puts.buffer_unordered(AT_ONCE).try_collect())
    }

    fn wait<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, ObjectsError>> + Send + 'static,
    ) -> Result<T, ObjectsError> {
        let (sender, receiver) = mpsc::sync_channel(1);
        if let Some(runtime) = &self.runtime {
            runtime.spawn(async move { drop(sender.send(work.await)) });
        }
        let received = || {
            let ended = || ObjectsError::Thread(std::io::ErrorKind::BrokenPipe.into());
            receiver.recv().unwrap_or_else(|_| Err(ended()))
        };
        match Handle::try_current().map(|handle| handle.runtime_flavor()) {
            Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(received),
            _ => received(),
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        // Where this is dropped by an asynchronous thread, waiting for the runtime's end would panic.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
