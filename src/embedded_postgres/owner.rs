//! Who runs Postgres. It refuses root, so root runs it as somebody else; anybody else runs it as themselves.

use std::{
    fs, io,
    os::unix::{
        fs::{MetadataExt, chown},
        process::CommandExt,
    },
    path::Path,
    process::{Command, Stdio},
};

use nix::unistd::{User, geteuid};

use super::{EmbeddedError, variable};

/// The variables that the programs keep; all others stay behind, for they may hold secrets that the other user must not
/// see, or settings (`PGPORT`, `PGOPTIONS`) meant for another server.
const KEPT: [&str; 4] = [
    "PATH",
    "LD_LIBRARY_PATH",
    "DYLD_LIBRARY_PATH",
    "DYLD_FALLBACK_LIBRARY_PATH",
];

/// The user that runs the Postgres programs.
#[derive(Clone, Debug)]
pub(super) enum Owner {
    /// The one that runs this program.
    Ourselves,
    /// Somebody else: this program runs as root.
    Other { name: String, uid: u32, gid: u32 },
}

impl Owner {
    /// The owner of a cluster that is to be made.
    pub(super) fn of_a_new_cluster() -> Result<Self, EmbeddedError> {
        if !geteuid().is_root() {
            return Ok(Self::Ourselves);
        }
        ["postgres", "nobody"]
            .into_iter()
            .find_map(|name| User::from_name(name).ok().flatten())
            .map(Self::from)
            .ok_or(EmbeddedError::NoOtherUser)
    }

    /// The owner of the cluster in `directory`, which Postgres wants to be run by the owner of its files: root may find one
    /// that an ordinary user made.
    pub(super) fn of(directory: &Path) -> Result<Self, EmbeddedError> {
        let meta = fs::metadata(directory).map_err(EmbeddedError::file(directory))?;
        match (geteuid().is_root(), meta.uid()) {
            (true, 0) => Err(EmbeddedError::NotOurs {
                path: directory.to_owned(),
            }),
            (true, uid) => Ok(Self::Other {
                name: uid.to_string(),
                uid,
                gid: meta.gid(),
            }),
            (false, uid) if uid == geteuid().as_raw() => Ok(Self::Ourselves),
            (false, _) => Err(EmbeddedError::NotOurs {
                path: directory.to_owned(),
            }),
        }
    }

    /// The user's id.
    pub(super) fn uid(&self) -> u32 {
        match self {
            Self::Ourselves => geteuid().as_raw(),
            Self::Other { uid, .. } => *uid,
        }
    }

    /// The user's name, for messages.
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Ourselves => "of this process",
            Self::Other { name, .. } => name,
        }
    }

    /// `program`, to be run by this user in `directory` with a bare environment. Changing the uid drops root's
    /// supplementary groups too (the standard library sees to it).
    pub(super) fn command(&self, program: &Path, directory: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(directory)
            .stdin(Stdio::null())
            .env_clear()
            .envs(KEPT.iter().filter_map(|name| Some((name, variable(name)?))))
            // Messages are read below, and macOS starts a thread in a server whose locale is unset, which Postgres refuses.
            .env("LC_ALL", "C");
        if let Self::Other { uid, gid, .. } = self {
            command.uid(*uid).gid(*gid);
        }
        command
    }

    /// Whether this user can enter `directory`: tried, not computed, so that access lists and network file systems have
    /// their say.
    pub(super) fn can_enter(&self, directory: &Path) -> bool {
        self.command(Path::new("/bin/sh"), directory)
            .args(["-c", ":"])
            .status()
            .is_ok_and(|status| status.success())
    }

    /// Makes `path` this user's.
    pub(super) fn give(&self, path: &Path) -> io::Result<()> {
        match self {
            Self::Ourselves => Ok(()),
            Self::Other { uid, gid, .. } => chown(path, Some(*uid), Some(*gid)),
        }
    }
}

impl From<User> for Owner {
    fn from(user: User) -> Self {
        Self::Other {
            name: user.name,
            uid: user.uid.as_raw(),
            gid: user.gid.as_raw(),
        }
    }
}
