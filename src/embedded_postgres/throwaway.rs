//! Clusters that live as long as the process that made them.
//!
//! No destructor runs when a process is killed, nor for what a test binary keeps in a `static`. So each throwaway cluster
//! has a *guardian*: a shell that waits for the end of a pipe whose other end only this process holds. However the
//! process ends, the kernel closes the pipe, and the guardian stops the server and removes the directory. Should the
//! guardian have been killed too, the next throwaway start sweeps what was left: a directory that nobody has a claim on.

use std::{
    fs,
    os::unix::{fs::MetadataExt, process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use nix::unistd::geteuid;
use tracing::info;

use super::{
    EmbeddedError, claim::Claim, owner::Owner, place::Place, place::first_enterable,
    postmaster::Postmaster, variable,
};
use crate::ids::random_bytes;

const PREFIX: &str = "dover-ashby-sync-throwaway-";

/// `$1` is the home of the cluster. SIGQUIT, for nothing in it is worth a checkpoint. The server removes its file last of
/// all; a server that leaves it behind is waited for no longer than Postgres takes to kill what does not obey.
const GUARDIAN: &str = r#"
read -r _
file=$1/cluster/postmaster.pid
pid=$(head -n 1 "$file" 2>/dev/null) && kill -QUIT "$pid" 2>/dev/null && {
    n=0
    while [ -e "$file" ] && [ "$n" -lt 100 ]; do n=$((n + 1)); sleep 0.1; done
}
rm -rf "$1"
"#;

/// The process that outlives us and cleans up.
#[derive(Debug)]
pub(super) struct Guardian(Child);

impl Guardian {
    fn over(home: &Path) -> Result<Self, EmbeddedError> {
        Command::new("/bin/sh")
            .args(["-c", GUARDIAN, "guardian"])
            .arg(home)
            .current_dir("/")
            .env_clear()
            .envs(variable("PATH").map(|path| ("PATH", path)))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .map(Self)
            .map_err(EmbeddedError::file("/bin/sh"))
    }

    /// Lets the guardian go to work at once, and waits for it.
    pub(super) fn dismiss(mut self) {
        // `wait` closes the pipe first.
        let _ = self.0.wait();
    }
}

/// A home of its own for one throwaway cluster, claimed and guarded.
pub(super) fn settle(owner: &Owner) -> Result<(Place, Claim, Guardian), EmbeddedError> {
    let name = format!("{PREFIX}{}", hex::encode(random_bytes::<8>()));
    // Hidden from sweeps until it is claimed.
    let hidden: Vec<PathBuf> = bases().map(|base| base.join(format!(".{name}"))).collect();
    let place = first_enterable(&hidden, owner)?;
    let claim = Claim::share(&place)?;
    let home = place.home.with_file_name(name);
    fs::rename(&place.home, &home).map_err(EmbeddedError::file(&home))?;
    let guardian = Guardian::over(&home)?;
    Ok((Place { home }, claim, guardian))
}

/// Stops and removes the throwaway clusters whose process is gone, guardian and all.
pub(super) async fn sweep() {
    let homes = bases()
        .filter_map(|base| fs::read_dir(base).ok())
        .flat_map(|entries| entries.flatten().map(|entry| entry.path()));
    for home in homes.filter(|home| is_ours(home)) {
        let place = Place { home };
        if !Claim::is_abandoned(&place) {
            continue;
        }
        info!("removing the abandoned cluster in {}", place.home.display());
        let cluster = place.cluster();
        let uid = fs::metadata(&cluster).map_or(0, |meta| meta.uid());
        if let Some((mut postmaster, _)) = Postmaster::of(&cluster, uid) {
            // One that does not stop keeps its files until the next sweep.
            let _ = postmaster.stop(&cluster, uid, true).await;
        }
        let _ = fs::remove_dir_all(&place.home);
    }
}

/// The directories for temporary files, of which root needs one that the other user can enter.
fn bases() -> impl Iterator<Item = PathBuf> {
    let first = fs::canonicalize(std::env::temp_dir()).unwrap_or_else(|_| PathBuf::from("/tmp"));
    let others = [PathBuf::from("/tmp"), PathBuf::from("/var/tmp")];
    let rest = others.into_iter().filter({
        let first = first.clone();
        move |base| *base != first
    });
    std::iter::once(first).chain(rest)
}

/// Whether `home` is a throwaway home that we made: other users may write to the directory too.
fn is_ours(home: &Path) -> bool {
    home.file_name()
        .is_some_and(|name| name.as_encoded_bytes().starts_with(PREFIX.as_bytes()))
        && fs::symlink_metadata(home)
            .is_ok_and(|meta| meta.is_dir() && meta.uid() == geteuid().as_raw())
}
