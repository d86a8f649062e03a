//! The server process: is it alive, is it ready, and how to end it.
//!
//! The process id that a cluster's `postmaster.pid` names may since have gone to somebody else, or be a zombie in a container
//! without an init. A process counts as the cluster's postmaster only if it belongs to the right user and was started
//! with this very data directory.

use std::{fs, path::Path, process::Child, time::Duration};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use super::EmbeddedError;
use crate::clock::{Clock, SystemClock};

const STEP: Duration = Duration::from_millis(20);
/// How long a fast shutdown may take: it writes a checkpoint.
const FAST: Duration = Duration::from_mins(1);
/// How long an immediate one may take: Postgres itself kills what is left after 5 seconds.
const IMMEDIATE: Duration = Duration::from_secs(10);

/// What `postmaster.pid` says. Its layout is the one that `pg_ctl` reads, unchanged since Postgres 10.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct PidFile {
    pub(super) pid: i32,
    pub(super) port: Option<u16>,
    pub(super) ready: bool,
}

impl PidFile {
    /// Reads it; `None` if there is none.
    pub(super) fn read(cluster: &Path) -> Option<Self> {
        Self::parse(&fs::read_to_string(cluster.join("postmaster.pid")).ok()?)
    }

    /// Line 1 is the process id, 4 the port, 8 the status; the later lines appear as the server gets on.
    fn parse(text: &str) -> Option<Self> {
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        Some(Self {
            pid: lines.first()?.parse().ok()?,
            port: lines.get(3).and_then(|port| port.parse().ok()),
            ready: lines.get(7) == Some(&"ready"),
        })
    }
}

/// A running server.
#[derive(Debug)]
pub(super) struct Postmaster {
    pub(super) pid: i32,
    /// Set if it is a child of this process; one that was taken over is not.
    pub(super) child: Option<Child>,
}

impl Postmaster {
    /// The live server of `cluster`, run by the user `uid`, and what its file says.
    pub(super) fn of(cluster: &Path, uid: u32) -> Option<(Self, PidFile)> {
        let file = PidFile::read(cluster)?;
        runs(file.pid, uid, cluster).then(|| {
            let found = Self {
                pid: file.pid,
                child: None,
            };
            (found, file)
        })
    }

    /// Whether the process is still there. Reaps it if it is a child that has ended.
    pub(super) fn is_alive(&mut self, cluster: &Path, uid: u32) -> bool {
        match &mut self.child {
            Some(child) => matches!(child.try_wait(), Ok(None)),
            None => runs(self.pid, uid, cluster),
        }
    }

    /// Asks the server to end its sessions and stop, and blocks until it has if it is our child: for destructors.
    pub(super) fn stop_blocking(&mut self) {
        self.signal(Signal::SIGINT);
        if let Some(child) = &mut self.child {
            let _ = child.wait();
        }
    }

    /// Stops the server, at once and without a checkpoint if `immediately`, and waits for its end.
    pub(super) async fn stop(
        &mut self,
        cluster: &Path,
        uid: u32,
        immediately: bool,
    ) -> Result<(), EmbeddedError> {
        if !immediately {
            self.signal(Signal::SIGINT);
            if self.ends_within(FAST, cluster, uid).await {
                return Ok(());
            }
        }
        if self.is_alive(cluster, uid) {
            self.signal(Signal::SIGQUIT);
        }
        if self.ends_within(IMMEDIATE, cluster, uid).await {
            return Ok(());
        }
        Err(EmbeddedError::DoesNotStop { pid: self.pid })
    }

    fn signal(&self, signal: Signal) {
        // It may have ended by itself.
        let _ = kill(Pid::from_raw(self.pid), signal);
    }

    async fn ends_within(&mut self, limit: Duration, cluster: &Path, uid: u32) -> bool {
        let mut waited = Duration::ZERO;
        while self.is_alive(cluster, uid) {
            if waited >= limit {
                return false;
            }
            SystemClock.sleep(STEP).await;
            waited += STEP;
        }
        true
    }
}

/// Whether `pid` is a process of the user `uid` whose command line names `cluster`. A zombie's command line is empty.
#[cfg(target_os = "linux")]
fn runs(pid: i32, uid: u32, cluster: &Path) -> bool {
    use std::os::unix::{ffi::OsStrExt, fs::MetadataExt};

    let process = Path::new("/proc").join(pid.to_string());
    fs::metadata(&process).is_ok_and(|meta| meta.uid() == uid)
        && fs::read(process.join("cmdline")).is_ok_and(|line| {
            line.split(|byte| *byte == 0)
                .any(|argument| argument == cluster.as_os_str().as_bytes())
        })
}

/// Whether `pid` is a process of the user `uid` whose command line names `cluster`. A zombie's command line is gone.
#[cfg(not(target_os = "linux"))]
fn runs(pid: i32, uid: u32, cluster: &Path) -> bool {
    let output = std::process::Command::new("ps")
        .args(["-ww", "-o", "uid=,args=", "-p", &pid.to_string()])
        .output();
    output.is_ok_and(|output| {
        let line = String::from_utf8_lossy(&output.stdout);
        line.trim()
            .split_once(' ')
            .is_some_and(|(owner, arguments)| {
                owner == uid.to_string()
                    && arguments.contains(&format!("-D {} ", cluster.display()))
            })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pid_file_is_read_at_every_stage_of_a_start() {
        let file = |text| PidFile::parse(text);
        assert_eq!(file(""), None);
        assert_eq!(
            file("42\n/data\n1700000000\n"),
            Some(PidFile {
                pid: 42,
                port: None,
                ready: false
            })
        );
        assert_eq!(
            file("42\n/data\n1700000000\n5433\n\n127.0.0.1\n 1 2\nstarting\n"),
            Some(PidFile {
                pid: 42,
                port: Some(5433),
                ready: false
            })
        );
        assert_eq!(
            file("42\n/data\n1700000000\n5433\n\n127.0.0.1\n 1 2\nready   \n"),
            Some(PidFile {
                pid: 42,
                port: Some(5433),
                ready: true
            })
        );
    }

    #[test]
    fn a_process_that_names_another_directory_is_no_postmaster_of_ours() {
        let pid = i32::try_from(std::process::id()).unwrap();
        let uid = nix::unistd::geteuid().as_raw();
        assert!(!runs(pid, uid, Path::new("/some/cluster")));
    }
}
