//! `.dev/`: where data and logs are kept.

use std::{
    fs::{self, File, TryLockError},
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};

/// The folder, held by this process until it ends: two runs in one folder would share Redis' files.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    _lock: File,
}

impl Folder {
    /// Makes it where need be.
    pub(super) fn open(path: &Path) -> anyhow::Result<Self> {
        for dir in [path.join("redis"), path.join("logs")] {
            fs::create_dir_all(&dir).with_context(|| format!("cannot create {}", dir.display()))?;
        }
        let path = path.canonicalize().with_context(|| format!("cannot use {}", path.display()))?;
        let lock = File::create(path.join("lock")).with_context(|| format!("cannot write in {}", path.display()))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path, _lock: lock }),
            Err(TryLockError::WouldBlock) => bail!("another ./dev runs already, with its data in {}", path.display()),
            Err(TryLockError::Error(error)) => Err(error).with_context(|| format!("cannot lock {}", path.display())),
        }
    }

    /// The folder itself.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Redis' files.
    pub(super) fn redis(&self) -> PathBuf {
        self.path.join("redis")
    }

    /// A log for each program.
    pub(super) fn logs(&self) -> PathBuf {
        self.path.join("logs")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_run_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let first = Folder::open(dir.path()).unwrap();
        let second = Folder::open(dir.path()).unwrap_err().to_string();
        assert!(second.starts_with("another ./dev runs already"), "{second}");
        drop(first);
        assert!(Folder::open(dir.path()).unwrap().logs().is_dir());
    }
}
