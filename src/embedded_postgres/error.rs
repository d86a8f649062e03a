//! What can go wrong with the embedded cluster, in words for the person at the terminal: each names a way out.

use std::{io, path::PathBuf};

/// Why the embedded Postgres could not be had.
#[derive(Debug, thiserror::Error)]
pub enum EmbeddedError {
    /// No installation holds both `initdb` and `postgres`.
    #[error(
        "no Postgres programs were found (looked on PATH, through pg_config --bindir, and where Debian and Homebrew put \
         them). {install}, or run everything in containers with: docker compose up"
    )]
    ProgramsMissing {
        /// A sentence that names the package of this system.
        install: String,
    },

    /// The cluster on disk belongs to a major version that is not installed.
    #[error(
        "the cluster in {cluster} was made by PostgreSQL {wanted}, and only {installed} is installed: install \
         PostgreSQL {wanted}, or carry the cluster over with pg_upgrade"
    )]
    OtherVersion {
        /// The cluster's directory.
        cluster: PathBuf,
        /// Its major version.
        wanted: u32,
        /// The major versions that were found.
        installed: String,
    },

    /// Postgres refuses to run as root and there is nobody else to run it as.
    #[error(
        "Postgres refuses to run as root, and this system has neither a user postgres nor a user nobody"
    )]
    NoOtherUser,

    /// As root: none of the places that were tried can be entered by the user that runs Postgres.
    #[error(
        "the user {user} that runs Postgres can enter none of {tried}: set DATA_DIR to a directory open to it"
    )]
    NoReachablePlace {
        /// The user's name.
        user: String,
        /// The directories that were tried.
        tried: String,
    },

    /// A file or directory of the cluster cannot be used.
    #[error("cannot use {path}: {source}")]
    File {
        /// What was touched.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },

    /// A directory that was there before belongs to somebody else.
    #[error("{path} belongs to another user: set DATA_DIR to a directory of your own")]
    NotOurs {
        /// The directory.
        path: PathBuf,
    },

    /// The cluster is there, but the file with its password is not.
    #[error(
        "the cluster in {cluster} has lost {file}, which holds its password: restore it from a backup"
    )]
    PasswordLost {
        /// The cluster's directory.
        cluster: PathBuf,
        /// The file that is missing or unreadable.
        file: PathBuf,
    },

    /// `initdb` failed.
    #[error("{program} failed:\n{output}")]
    Program {
        /// The program.
        program: PathBuf,
        /// What it printed last.
        output: String,
    },

    /// The server ended, or did not come up in time.
    #[error("Postgres did not start; the end of {log}:\n{output}")]
    DidNotStart {
        /// The server's log.
        log: PathBuf,
        /// Its last lines.
        output: String,
    },

    /// Another process has been starting or stopping this cluster for too long.
    #[error(
        "another process has been starting or stopping the cluster in {home} for more than {waited_s} s"
    )]
    Busy {
        /// The cluster's home.
        home: PathBuf,
        /// How long we waited, in seconds.
        waited_s: u64,
    },

    /// Another process uses the cluster, but its server cannot be seen: it runs in another container, or has crashed.
    #[error(
        "the cluster in {home} is in use by another process whose Postgres cannot be seen from here (another container?): stop that process first"
    )]
    UsedElsewhere {
        /// The cluster's home.
        home: PathBuf,
    },

    /// The server does not stop.
    #[error("Postgres (process {pid}) does not stop")]
    DoesNotStop {
        /// The postmaster's process id.
        pid: i32,
    },

    /// A database name that is not `[a-z_][a-z0-9_]*` of at most 63 bytes.
    #[error("{0:?} cannot be a database's name: lower-case letters, digits and _ only, at most 63")]
    DatabaseName(String),

    /// The running server refused.
    #[error("the embedded Postgres refused: {0}")]
    Database(#[from] sqlx::Error),
}

impl EmbeddedError {
    /// For `map_err`: the error of touching `path`.
    pub(super) fn file(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { path, source }
    }
}
