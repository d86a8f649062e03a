//! Makes a cluster: `initdb`, and the file with what a client needs to get in.

use std::{
    fs::{self, DirBuilder, Permissions},
    io::Write,
    net::TcpListener,
    os::unix::fs::{DirBuilderExt, PermissionsExt},
    path::{Path, PathBuf},
    process::Command,
};

use serde::{Deserialize, Serialize};

use super::{Durability, EmbeddedError, cluster::ROLE, find::Programs, owner::Owner, place::Place};
use crate::ids::random_bytes;

/// What `connection.json` holds. Written once, when the cluster is made; the port is only where to try first.
#[derive(Serialize, Deserialize)]
pub(super) struct Connection {
    pub(super) password: String,
    pub(super) port: u16,
}

/// Runs `initdb`, so that the cluster appears whole or not at all.
pub(super) async fn create(
    programs: &Programs,
    place: &Place,
    owner: &Owner,
    durability: Durability,
) -> Result<(), EmbeddedError> {
    let draft = place.fresh_draft();
    let secret = draft.with_extension("password");
    DirBuilder::new()
        .mode(0o700)
        .create(&draft)
        .and_then(|()| owner.give(&draft))
        .map_err(EmbeddedError::file(&draft))?;
    let connection = Connection {
        password: hex::encode(random_bytes::<24>()),
        port: free_port()?,
    };
    let text = serde_json::to_vec(&connection).expect("two plain fields serialize");
    write_secret(&place.connection(), &text)?;
    write_secret(&secret, connection.password.as_bytes())?;
    owner.give(&secret).map_err(EmbeddedError::file(&secret))?;
    let command = || {
        let mut command = owner.command(&programs.initdb, &place.home);
        command.arg("--pgdata").arg(&draft);
        command.arg("--pwfile").arg(&secret);
        command.args((durability == Durability::None).then_some("--no-sync"));
        command
    };
    let made = match initdb(command(), "C.UTF-8").await {
        // Not every system knows the locale; plain C sorts alike, and the encoding is UTF-8 either way.
        Err(EmbeddedError::Program { output, .. }) if output.contains("invalid locale") => {
            initdb(command(), "C").await
        }
        made => made,
    };
    fs::remove_file(&secret).map_err(EmbeddedError::file(&secret))?;
    made?;
    fs::rename(&draft, place.cluster())
        .and_then(|()| fs::File::open(&place.home)?.sync_all())
        .map_err(EmbeddedError::file(place.cluster()))
}

async fn initdb(mut command: Command, locale: &str) -> Result<(), EmbeddedError> {
    command
        .args(["--username", ROLE, "--auth", "scram-sha-256"])
        .args(["--encoding", "UTF8", "--locale", locale])
        // Byte by byte, as C.UTF-8 sorts too. Under its name Postgres would copy both texts for each comparison and ask the system.
        .args(["--lc-collate", "C"]);
    let program = PathBuf::from(command.get_program());
    let output = tokio::process::Command::from(command)
        .kill_on_drop(true)
        .output()
        .await
        .map_err(EmbeddedError::file(&program))?;
    if output.status.success() {
        return Ok(());
    }
    let output = last_lines(&String::from_utf8_lossy(&output.stderr));
    Err(EmbeddedError::Program { program, output })
}

/// What the file of the cluster in `place` says.
pub(super) fn read_connection(place: &Place) -> Result<Connection, EmbeddedError> {
    fs::read(place.connection())
        .ok()
        .and_then(|text| serde_json::from_slice(&text).ok())
        .ok_or_else(|| EmbeddedError::PasswordLost {
            cluster: place.cluster(),
            file: place.connection(),
        })
}

/// Writes a file for our eyes only, whole or not at all.
fn write_secret(path: &Path, text: &[u8]) -> Result<(), EmbeddedError> {
    let draft = path.with_extension("draft");
    let write = || {
        let _ = fs::remove_file(&draft);
        let mut file = fs::File::create_new(&draft)?;
        file.set_permissions(Permissions::from_mode(0o600))?;
        file.write_all(text)?;
        file.sync_all()?;
        fs::rename(&draft, path)
    };
    write().map_err(EmbeddedError::file(path))
}

/// A port of 127.0.0.1 that is free now.
pub(super) fn free_port() -> Result<u16, EmbeddedError> {
    TcpListener::bind(("127.0.0.1", 0))
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .map_err(EmbeddedError::file("127.0.0.1"))
}

/// The end of a program's output, short enough for an error.
pub(super) fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(10)..].join("\n")
}
