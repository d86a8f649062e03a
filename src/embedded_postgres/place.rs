//! Where a cluster lives: its home directory, what is in it, and where to go when the wanted place is closed to the user
//! that runs Postgres.
//!
//! The home belongs to whoever runs this program and can be entered, not listed, by others; only `cluster` belongs to the
//! user that runs Postgres. So root never writes into a directory that another user could fill with links.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, Permissions},
    io,
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use nix::{fcntl::OFlag, unistd::geteuid};
use sha2::{Digest, Sha256};
use tracing::warn;

use super::{EmbeddedError, owner::Owner};
use crate::ids::random_bytes;

/// Where clusters of root go whose wanted directory is closed to the user that runs Postgres.
const OPEN_PLACE: &str = "/var/lib/dover-ashby-sync";

/// The home directory of a cluster.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) home: PathBuf,
}

impl Place {
    /// Postgres' own data directory.
    pub(super) fn cluster(&self) -> PathBuf {
        self.home.join("cluster")
    }

    /// A new directory for `initdb`, to be renamed to `cluster` when it is done, so that half a cluster is never taken for
    /// one. The name is fresh because the `initdb` of a killed parent may still be at work in an older one.
    pub(super) fn fresh_draft(&self) -> PathBuf {
        for entry in fs::read_dir(&self.home).into_iter().flatten().flatten() {
            if entry.file_name().as_encoded_bytes().starts_with(b"draft-") {
                // What cannot be removed now is removed next time.
                let _ = fs::remove_dir_all(entry.path()).or_else(|_| fs::remove_file(entry.path()));
            }
        }
        self.home
            .join(format!("draft-{}", hex::encode(random_bytes::<8>())))
    }

    /// The password and the preferred port.
    pub(super) fn connection(&self) -> PathBuf {
        self.home.join("connection.json")
    }

    /// The server's log.
    pub(super) fn log(&self) -> PathBuf {
        self.home.join("postgres.log")
    }

    /// The major version of the cluster that is here, if one is.
    pub(super) fn version(&self) -> Option<u32> {
        let text = fs::read_to_string(self.cluster().join("PG_VERSION")).ok()?;
        text.trim().parse().ok()
    }

    /// Makes the home, or checks that the one that is there is ours.
    pub(super) fn create(home: PathBuf) -> Result<Self, EmbeddedError> {
        let made = DirBuilder::new().mode(0o711).create(&home);
        if let Err(error) = made
            && error.kind() != io::ErrorKind::AlreadyExists
        {
            return Err(EmbeddedError::file(home)(error));
        }
        let meta = fs::symlink_metadata(&home).map_err(EmbeddedError::file(&home))?;
        if !meta.is_dir() || meta.uid() != geteuid().as_raw() {
            return Err(EmbeddedError::NotOurs { path: home });
        }
        // Whatever the umask took away.
        fs::set_permissions(&home, Permissions::from_mode(0o711))
            .map_err(EmbeddedError::file(&home))?;
        Ok(Self { home })
    }

    /// Opens a file of the home for reading and writing, made for our eyes only; a link is refused.
    pub(super) fn open(&self, name: &Path) -> Result<File, EmbeddedError> {
        OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .custom_flags(OFlag::O_NOFOLLOW.bits())
            .open(self.home.join(name))
            .map_err(EmbeddedError::file(self.home.join(name)))
    }
}

/// Settles where the cluster of `data_dir` lives and who runs it. One that is there already stays where it is.
pub(super) fn settle(data_dir: &Path) -> Result<(Place, Owner), EmbeddedError> {
    fs::create_dir_all(data_dir).map_err(EmbeddedError::file(data_dir))?;
    let data_dir = fs::canonicalize(data_dir).map_err(EmbeddedError::file(data_dir))?;
    let mut homes = vec![data_dir.join("postgres")];
    if geteuid().is_root() {
        homes.extend(open_homes(&data_dir));
    }
    for home in &homes {
        let place = Place { home: home.clone() };
        if place.cluster().exists() {
            let owner = Owner::of(&place.cluster())?;
            say_if_elsewhere(home, &homes[0], &owner);
            return Ok((place, owner));
        }
    }
    let owner = Owner::of_a_new_cluster()?;
    let place = first_enterable(&homes, &owner)?;
    say_if_elsewhere(&place.home, &homes[0], &owner);
    Ok((place, owner))
}

/// The homes that root falls back on, named after the wanted directory so that the next start finds them again.
fn open_homes(data_dir: &Path) -> Vec<PathBuf> {
    let digest = hex::encode(Sha256::digest(data_dir.as_os_str().as_encoded_bytes()));
    let name = &digest[..16];
    vec![
        Path::new(OPEN_PLACE).join(name),
        std::env::temp_dir().join(format!("dover-ashby-sync-{name}")),
    ]
}

/// Makes the first of `homes` that `owner` can enter; the homes made in vain are removed again.
pub(super) fn first_enterable(homes: &[PathBuf], owner: &Owner) -> Result<Place, EmbeddedError> {
    let mut refusal = None;
    for home in homes {
        if home.starts_with(OPEN_PLACE) {
            // Without it, creating the home says why.
            let _ = DirBuilder::new().mode(0o755).create(OPEN_PLACE);
        }
        let existed = home.exists();
        match Place::create(home.clone()) {
            Ok(place) if owner.can_enter(&place.home) => return Ok(place),
            Ok(place) if !existed => {
                let _ = fs::remove_dir(place.home);
            }
            Ok(_) => {}
            Err(error) => refusal = refusal.or(Some(error)),
        }
    }
    Err(refusal.unwrap_or_else(|| EmbeddedError::NoReachablePlace {
        user: owner.name().to_owned(),
        tried: homes
            .iter()
            .map(|home| home.display().to_string())
            .collect::<Vec<_>>()
            .join(", "),
    }))
}

fn say_if_elsewhere(home: &Path, wanted: &Path, owner: &Owner) {
    if home != wanted {
        warn!(
            "{} is closed to the user {} that runs Postgres for root; the database cluster lives in {} instead",
            wanted.display(),
            owner.name(),
            home.display()
        );
    }
}
