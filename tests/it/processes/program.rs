//! The real binary as a child process. It is ended by its id when the test lets go of it.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    process::Stdio,
    sync::{Arc, Mutex},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, ChildStderr, Command},
    sync::oneshot,
};

use crate::{app::TOKEN, patience::soon};

/// 32 bytes of 7, as the databases of these tests are set up with.
const MASTER_KEY: &str = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";

/// Lines of its log that are kept, to be shown when something goes wrong.
const LOG_LINES: usize = 60;

/// What a process of the installation works with.
#[derive(Clone, Debug)]
pub(crate) struct Setting {
    pub(crate) database_url: String,
    pub(crate) ashby: SocketAddr,
    /// Further variables, such as `FLUSH_LEASE`.
    pub(crate) variables: Vec<(&'static str, String)>,
}

impl Setting {
    /// Sets a variable, in the place of what it was.
    pub(crate) fn set(&mut self, variable: &'static str, value: &str) {
        self.variables.retain(|(name, _)| *name != variable);
        self.variables.push((variable, value.to_owned()));
    }
}

/// A running `serve` or `work`.
#[derive(Debug)]
pub(crate) struct Program {
    child: Child,
    pid: Pid,
    /// Where it listens; that of a worker alone is `None`.
    pub(crate) addr: Option<SocketAddr>,
    log: Arc<Mutex<VecDeque<String>>>,
}

impl Program {
    /// Starts `arguments` and waits until it is up.
    pub(crate) async fn start(setting: &Setting, arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_dover-ashby-sync"))
            .args(arguments)
            .env_clear()
            .env("DATABASE_URL", &setting.database_url)
            .env("MASTER_KEY", MASTER_KEY)
            .env("ADMIN_TOKEN", TOKEN)
            .env("ASHBY_BASE_URL", format!("http://{}", setting.ashby))
            .env("LISTEN_ADDR", "127.0.0.1:0")
            .envs(setting.variables.iter().map(|(name, value)| (*name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let pid = Pid::from_raw(i32::try_from(child.id().unwrap()).unwrap());
        let log = Arc::new(Mutex::new(VecDeque::new()));
        let (up, is_up) = oneshot::channel();
        tokio::spawn(follow(child.stderr.take().unwrap(), Arc::clone(&log), up));
        let Ok(addr) = soon("the program is up", is_up).await else {
            panic!("{arguments:?} did not start: {:?}", log.lock().unwrap());
        };
        Self {
            child,
            pid,
            addr,
            log,
        }
    }

    /// The server and its worker.
    pub(crate) async fn serve(setting: &Setting) -> Self {
        Self::start(setting, &["serve", "--no-migrate"]).await
    }

    /// The server alone: it flushes when it is told to.
    pub(crate) async fn serve_alone(setting: &Setting) -> Self {
        Self::start(setting, &["serve", "--no-migrate", "--no-worker"]).await
    }

    pub(crate) fn pid(&self) -> Pid {
        self.pid
    }

    /// Ends it at once, in the middle of whatever it does, and waits until it is gone.
    pub(crate) async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }

    /// Waits for the end of a process that somebody else has killed.
    pub(crate) async fn ended(mut self) {
        soon("the process ends", self.child.wait()).await.unwrap();
    }

    /// Lets it stand still, until [`wake`](Self::wake).
    pub(crate) fn stop(&self) {
        kill(self.pid, Signal::SIGSTOP).unwrap();
    }

    /// Lets it go on.
    pub(crate) fn wake(&self) {
        kill(self.pid, Signal::SIGCONT).unwrap();
    }

    /// The last lines of its log.
    pub(crate) fn log(&self) -> String {
        let log = self.log.lock().unwrap();
        let lines: Vec<&str> = log.iter().map(String::as_str).collect();
        lines.join("\n")
    }
}

/// Reads the log to its end, keeps the last of it, and tells when the program is up and where it listens.
async fn follow(
    stderr: ChildStderr,
    log: Arc<Mutex<VecDeque<String>>>,
    up: oneshot::Sender<Option<SocketAddr>>,
) {
    let (mut up, mut lines) = (Some(up), BufReader::new(stderr).lines());
    while let Ok(Some(line)) = lines.next_line().await {
        let listening = line.split("listening on http://").nth(1);
        let addr = listening.and_then(|addr| addr.trim().parse().ok());
        if (addr.is_some() || line.ends_with(" working"))
            && let Some(up) = up.take()
        {
            // The test may have given up.
            let _ = up.send(addr);
        }
        let mut log = log.lock().unwrap();
        if log.len() == LOG_LINES {
            log.pop_front();
        }
        log.push_back(line);
    }
}
