//! A folder of which pictures are taken as they appear in it.

use std::fs::{self, DirEntry, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use uuid::Uuid;

use super::{About, Store};
use crate::clock::whole_microseconds;

/// A file of this age is complete.
const SETTLED: Duration = Duration::from_secs(1);
/// The name of a file that has its id: whatever ends the program, the next one takes it under the same.
const CLAIMED: &str = ".citytrack-";
/// No server takes more.
pub(super) const LARGEST: u64 = 32 * 1024 * 1024;

/// A folder, and perhaps the camera whose pictures they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inbox {
    /// The folder.
    pub folder: PathBuf,
    /// The camera.
    pub camera: Option<String>,
}

/// What was found in a folder.
#[derive(Debug, Default)]
pub struct Look {
    /// Pictures taken.
    pub taken: u64,
    /// Files that are still being written, or for which there is no room: they stay.
    pub left: u64,
    /// What is wrong with others, which stay, too.
    pub trouble: Vec<String>,
}

impl Inbox {
    /// Takes what is there and complete, and removes it. Waits for nothing, and drops nothing: what finds no room stays.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn look(&self, store: &Store, now: Timestamp) -> io::Result<Look> {
        let mut look = Look::default();
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            match self.take(&entry, store, now) {
                Ok(Some(true)) => look.taken += 1,
                Ok(Some(false)) => look.left += 1,
                Ok(None) => {}
                Err(error) => look.trouble.push(format!("{}: {error}", entry.path().display())),
            }
        }
        Ok(look)
    }

    /// `None`: it is no picture. `false`: not now.
    fn take(&self, entry: &DirEntry, store: &Store, now: Timestamp) -> io::Result<Option<bool>> {
        let (path, file) = (entry.path(), entry.metadata()?);
        let name = entry.file_name();
        let claimed = name
            .to_str()
            .and_then(|name| name.strip_prefix(CLAIMED)?.parse::<Uuid>().ok());
        if !file.is_file() || (claimed.is_none() && name.as_encoded_bytes().starts_with(b".")) {
            return Ok(None);
        }
        if file.len() > LARGEST {
            return Err(io::Error::other(format!("larger than {LARGEST} bytes")));
        }
        let written_at = written_at(&file)?;
        let settled = now.duration_since(written_at) >= SETTLED.try_into().unwrap_or_default();
        if claimed.is_none() && !(settled && store.has_room(file.len() + 1024)) {
            return Ok(Some(false));
        }
        let (id, path) = match claimed {
            Some(id) => (id, path),
            None => claim(&path)?,
        };
        // Otherwise it is in the store already, and the program was ended before the next line.
        let new = !store.holds(id);
        if new {
            let about = About {
                camera: self.camera.clone(),
                captured_at: written_at.min(now),
                frame: None,
                boxes: None,
            };
            store.put(id, &about, &fs::read(&path)?)?;
        }
        fs::remove_file(path)?;
        Ok(new.then_some(true))
    }
}

/// Gives a file its id, for ever.
fn claim(path: &Path) -> io::Result<(Uuid, PathBuf)> {
    let id = Uuid::now_v7();
    let claimed = path.with_file_name(format!("{CLAIMED}{id}"));
    fs::rename(path, &claimed)?;
    Ok((id, claimed))
}

/// When a file was written: that is when the picture was taken.
fn written_at(file: &Metadata) -> io::Result<Timestamp> {
    let time = Timestamp::try_from(file.modified()?).map_err(io::Error::other)?;
    Ok(whole_microseconds(time))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Moment;

    #[test]
    fn complete_pictures_are_taken_once_and_nothing_else_is() {
        let (spool, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let store = Store::open(spool.path(), 10_000).unwrap();
        let inbox = Inbox {
            folder: folder.path().to_owned(),
            camera: Some("entrance".to_owned()),
        };
        for name in ["a.jpg", ".hidden", "b.jpg"] {
            fs::write(folder.path().join(name), b"a picture").unwrap();
        }
        let now = Moment::now().utc;
        let look = inbox.look(&store, now).unwrap();
        assert_eq!((look.taken, look.left), (0, 2), "they may still be written to");
        let later = now + SETTLED;
        assert_eq!(inbox.look(&store, later).unwrap().taken, 2);
        assert_eq!((store.len(), fs::read_dir(folder.path()).unwrap().count()), (2, 1));
        assert_eq!(inbox.look(&store, later).unwrap().taken, 0);
    }

    #[test]
    fn a_picture_keeps_its_id_when_the_program_is_killed_while_it_takes_it() {
        let (spool, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let store = Store::open(spool.path(), 10_000).unwrap();
        let inbox = Inbox {
            folder: folder.path().to_owned(),
            camera: None,
        };
        fs::write(folder.path().join("a.jpg"), b"a picture").unwrap();
        let (id, claimed) = claim(&folder.path().join("a.jpg")).unwrap();
        // Killed before it was in the store, and then once more before it left the folder.
        let now = Moment::now().utc;
        assert_eq!(inbox.look(&store, now).unwrap().taken, 1);
        fs::write(claimed, b"a picture").unwrap();
        assert_eq!(inbox.look(&store, now).unwrap().taken, 0);
        assert_eq!((store.len(), store.holds(id)), (1, true));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn what_finds_no_room_stays_where_it_is() {
        let (spool, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let store = Store::open(spool.path(), 3_000).unwrap();
        let inbox = Inbox {
            folder: folder.path().to_owned(),
            camera: None,
        };
        for name in ["a.jpg", "b.jpg"] {
            fs::write(folder.path().join(name), [7; 1_500]).unwrap();
        }
        let look = inbox.look(&store, Moment::now().utc + SETTLED).unwrap();
        assert_eq!((look.taken, look.left, store.len()), (1, 1, 1));
    }
}
