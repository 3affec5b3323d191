//! Pictures on disk until the server has them: a file each, in a folder of the spool.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use uuid::Uuid;

use super::About;
use super::form;
use crate::spool::{NEW, write_whole};

/// Within the folder of the spool.
const FOLDER: &str = "pictures";
/// A picture as it is sent; the name before it is its id.
const FORM: &str = "form";

/// Why pictures cannot be kept.
#[derive(Debug, thiserror::Error)]
#[error("the pictures in {}: {source}", folder.display())]
pub struct StoreError {
    folder: PathBuf,
    source: io::Error,
}

/// The pictures that wait. The lock of the spool, in whose folder they are, keeps other processes out.
#[derive(Debug)]
pub struct Store {
    folder: PathBuf,
    /// The most bytes on disk; one picture more while it is being written.
    size: u64,
    inner: Mutex<Inner>,
    /// A picture came or went, or no more will come.
    changed: Notify,
}

#[derive(Debug, Default)]
struct Inner {
    /// Their bytes, by id: the oldest first.
    waiting: BTreeMap<Uuid, u64>,
    /// On its way to the server, and not dropped meanwhile.
    sending: Option<Uuid>,
    closed: bool,
}

impl Store {
    /// The pictures in the folder of a spool that was opened. Removes what a process that was killed had begun to write.
    ///
    /// # Errors
    /// The disk.
    pub fn open(spool: &Path, size: u64) -> Result<Self, StoreError> {
        let folder = spool.join(FOLDER);
        let waiting = fs::create_dir_all(&folder).and_then(|()| list(&folder, true));
        let waiting = waiting.map_err(|source| StoreError {
            folder: folder.clone(),
            source,
        })?;
        Ok(Self {
            folder,
            size,
            inner: Mutex::new(Inner {
                waiting,
                ..Inner::default()
            }),
            changed: Notify::new(),
        })
    }

    /// How many pictures wait in a spool, and their bytes, also while another process uses it.
    ///
    /// # Errors
    /// The disk.
    pub fn look(spool: &Path) -> io::Result<(u64, u64)> {
        match list(&spool.join(FOLDER), false) {
            Ok(waiting) => Ok((waiting.len() as u64, waiting.values().sum())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok((0, 0)),
            Err(error) => Err(error),
        }
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.lock().waiting.len()
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether this one waits.
    pub fn holds(&self, id: Uuid) -> bool {
        self.lock().waiting.contains_key(&id)
    }

    /// Whether there is room for so many bytes more without dropping anything.
    pub fn has_room(&self, bytes: u64) -> bool {
        self.lock().bytes() + bytes <= self.size
    }

    /// Takes a picture in, durably; the oldest make room once it is there. Returns how many did.
    ///
    /// # Errors
    /// The disk, and a picture that is larger than the spool. Then none has made room.
    pub fn put(&self, id: Uuid, about: &About, picture: &[u8]) -> io::Result<u64> {
        let body = form::body(id, about, picture);
        let bytes = body.len() as u64;
        if bytes > self.size {
            let detail = format!("it takes {bytes} bytes of a spool of {} for pictures", self.size);
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, detail));
        }
        let path = self.path(id);
        write_whole(&path, &body).inspect_err(|_| {
            // What was written of it would keep the disk full.
            let _ = fs::remove_file(path.with_extension(NEW));
        })?;
        let dropped = self.make_room(bytes);
        self.lock().waiting.insert(id, bytes);
        self.changed.notify_waiters();
        Ok(dropped)
    }

    /// The oldest, which is then on its way until [`Self::settle`]. `None`: there is none, and no more will come.
    pub async fn next(&self) -> Option<Uuid> {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            // From here on no change is missed.
            changed.as_mut().enable();
            {
                let mut inner = self.lock();
                let oldest = inner.waiting.keys().next().copied();
                if oldest.is_some() || inner.closed {
                    inner.sending = oldest;
                    return oldest;
                }
            }
            changed.await;
        }
    }

    /// The body of a picture that waits.
    ///
    /// # Errors
    /// The disk.
    pub fn load(&self, id: Uuid) -> io::Result<Vec<u8>> {
        fs::read(self.path(id))
    }

    /// A picture needs not be sent any more.
    ///
    /// # Errors
    /// The disk. The next process finds it again and sends it a second time, which the server notices.
    pub fn settle(&self, id: Uuid) -> io::Result<()> {
        self.leave(id);
        fs::remove_file(self.path(id))
    }

    /// A picture is sent by the next process, which finds it again.
    pub fn leave(&self, id: Uuid) {
        let mut inner = self.lock();
        inner.waiting.remove(&id);
        inner.sending = None;
    }

    /// No more pictures will come.
    pub fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_waiters();
    }

    fn make_room(&self, bytes: u64) -> u64 {
        let mut dropped = 0;
        let mut inner = self.lock();
        while inner.bytes() + bytes > self.size {
            let sending = inner.sending;
            let Some(oldest) = inner.waiting.keys().copied().find(|id| Some(*id) != sending) else {
                break;
            };
            inner.waiting.remove(&oldest);
            // What cannot be removed now, the next process finds again.
            let _ = fs::remove_file(self.path(oldest));
            dropped += 1;
        }
        dropped
    }

    fn path(&self, id: Uuid) -> PathBuf {
        self.folder.join(id.to_string()).with_extension(FORM)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn bytes(&self) -> u64 {
        self.waiting.values().sum()
    }
}

/// The pictures in a folder. With `clean`, files of which only a part was written are removed.
fn list(folder: &Path, clean: bool) -> io::Result<BTreeMap<Uuid, u64>> {
    let mut waiting = BTreeMap::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        let id = path
            .file_stem()
            .and_then(|name| name.to_str())
            .and_then(|name| name.parse().ok());
        match (id, path.extension().and_then(|name| name.to_str())) {
            (Some(id), Some(FORM)) => {
                // One that is sent meanwhile is gone.
                if let Ok(file) = entry.metadata() {
                    waiting.insert(id, file.len());
                }
            }
            (Some(_), _) if clean => fs::remove_file(path)?,
            _ => {}
        }
    }
    Ok(waiting)
}

#[cfg(test)]
mod tests;
