//! Stands between the program and Postgres and understands just enough of what they say (the frontend/backend protocol,
//! version 3) to see the commits: each end of a transaction, and each statement outside of one that changes something.

use std::{
    collections::HashMap,
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::{Mutex as AsyncMutex, mpsc},
    task::JoinHandle,
};
use url::Url;

use super::{
    holds::Moment,
    steps::{Passage, Step, Steps},
};

/// The round that records an intent, as [`Holds`](super::holds::Holds) knows it.
pub(crate) const INTENT: &str = "intent";

/// A proxy in front of one Postgres.
#[derive(Debug)]
pub(crate) struct PostgresProxy {
    /// The address of the database, by way of the proxy.
    pub(crate) url: String,
    /// While set, Postgres has no space left: whatever would add to a table is refused as it refuses it.
    pub(crate) is_disk_full: Arc<AtomicBool>,
    accepting: JoinHandle<()>,
}

impl Drop for PostgresProxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl PostgresProxy {
    /// In front of the database at `url`, telling `steps` of every commit.
    pub(crate) async fn before(url: &str, steps: Arc<Steps>) -> Self {
        let mut url = Url::parse(url).unwrap();
        let server = format!("{}:{}", url.host_str().unwrap(), url.port().unwrap_or(5432));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr: SocketAddr = listener.local_addr().unwrap();
        url.set_host(Some("127.0.0.1")).unwrap();
        url.set_port(Some(addr.port())).unwrap();
        url.set_query(Some("sslmode=disable"));
        let is_disk_full = Arc::new(AtomicBool::new(false));
        let full = Arc::clone(&is_disk_full);
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (server, steps) = (server.clone(), Arc::clone(&steps));
                let full = Arc::clone(&full);
                tokio::spawn(async move {
                    let server = TcpStream::connect(server).await?;
                    session(client, server, steps, full).await
                });
            }
        });
        Self {
            url: url.into(),
            is_disk_full,
            accepting,
        }
    }
}

/// One session, until one of the two hangs up or the program is dead.
async fn session(
    client: TcpStream,
    server: TcpStream,
    steps: Arc<Steps>,
    is_disk_full: Arc<AtomicBool>,
) -> io::Result<()> {
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (mut from_client, to_client) = client.into_split();
    let (from_server, mut to_server) = server.into_split();
    // The first message has no tag.
    let length = from_client.read_u32().await?;
    let mut startup = vec![0; length as usize - 4];
    from_client.read_exact(&mut startup).await?;
    to_server.write_u32(length).await?;
    to_server.write_all(&startup).await?;

    let (asked, rounds) = mpsc::unbounded_channel();
    // What the server says until it is ready for the first statement.
    let _ = asked.send(Round::default());
    let to_client = Arc::new(AsyncMutex::new(to_client));
    let up = Upward {
        client: from_client,
        server: to_server,
        back: Arc::clone(&to_client),
        asked,
        statements: Statements::default(),
        steps: Arc::clone(&steps),
        is_disk_full,
    };
    tokio::select! {
        ended = up.run() => ended,
        ended = downward(from_server, to_client, rounds, steps) => ended,
    }
}

/// From the program to Postgres, a round at a time: all messages up to the one that asks for an answer.
struct Upward {
    client: OwnedReadHalf,
    server: OwnedWriteHalf,
    back: Arc<AsyncMutex<OwnedWriteHalf>>,
    asked: mpsc::UnboundedSender<Round>,
    statements: Statements,
    steps: Arc<Steps>,
    is_disk_full: Arc<AtomicBool>,
}

impl Upward {
    async fn run(mut self) -> io::Result<()> {
        let mut round = Vec::new();
        loop {
            let (tag, message) = read_message(&mut self.client).await?;
            self.statements.hear(tag, &message[5..]);
            round.extend_from_slice(&message);
            if !matches!(tag, b'Q' | b'S') {
                // A password, or goodbye; all others belong to a round.
                if matches!(tag, b'p' | b'X') {
                    self.server.write_all(&round).await?;
                    round.clear();
                }
                continue;
            }
            let asked = self.statements.end_of_round();
            if asked.adds && self.is_disk_full.load(Ordering::SeqCst) {
                self.refuse().await?;
                round.clear();
                continue;
            }
            if asked.commits && self.steps.reach(Step::BeforeCommit) == Passage::Dead {
                return Ok(());
            }
            if asked.intends {
                self.steps.holds.pass(INTENT, Moment::Before).await;
            }
            let _ = self.asked.send(asked);
            self.server.write_all(&round).await?;
            round.clear();
        }
    }

    /// Answers as Postgres does when it cannot extend a table: an error, and the transaction has failed.
    async fn refuse(&self) -> io::Result<()> {
        let fields = "SERROR\0VERROR\0C53100\0Mcould not extend file: No space left on device\0\0";
        let mut answer = vec![b'E'];
        let length = u32::try_from(fields.len() + 4).expect("a short message");
        answer.extend_from_slice(&length.to_be_bytes());
        answer.extend_from_slice(fields.as_bytes());
        let state = if self.statements.in_transaction {
            b'E'
        } else {
            b'I'
        };
        answer.extend_from_slice(&[b'Z', 0, 0, 0, 5, state]);
        self.back.lock().await.write_all(&answer).await
    }
}

/// From Postgres to the program. The answer to a commit is held until it is whole.
async fn downward(
    mut server: OwnedReadHalf,
    client: Arc<AsyncMutex<OwnedWriteHalf>>,
    mut rounds: mpsc::UnboundedReceiver<Round>,
    steps: Arc<Steps>,
) -> io::Result<()> {
    while let Some(Round {
        commits, intends, ..
    }) = rounds.recv().await
    {
        let mut held = Vec::new();
        loop {
            let (tag, message) = read_message(&mut server).await?;
            held.extend_from_slice(&message);
            let is_over = tag == b'Z';
            if is_over && commits && steps.reach(Step::AfterCommit) == Passage::Dead {
                return Ok(());
            }
            if is_over && intends {
                steps.holds.pass(INTENT, Moment::After).await;
            }
            if is_over || !commits {
                client.lock().await.write_all(&held).await?;
                held.clear();
            }
            if is_over {
                break;
            }
        }
    }
    Ok(())
}

/// A message: its tag, and the whole of it with tag and length.
async fn read_message(from: &mut (impl AsyncRead + Unpin)) -> io::Result<(u8, Vec<u8>)> {
    let mut head = [0; 5];
    from.read_exact(&mut head).await?;
    let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize;
    let mut message = head.to_vec();
    message.resize(length + 1, 0);
    from.read_exact(&mut message[5..]).await?;
    Ok((head[0], message))
}

/// What a round of messages comes to.
#[derive(Clone, Copy, Debug, Default)]
struct Round {
    /// It adds rows.
    adds: bool,
    /// What it does is there for good once it is answered.
    commits: bool,
    /// It records an intent.
    intends: bool,
}

/// The statements of one session.
#[derive(Debug, Default)]
struct Statements {
    prepared: HashMap<Vec<u8>, Statement>,
    bound: Option<Statement>,
    /// What was executed in this round.
    executed: Vec<Statement>,
    in_transaction: bool,
}

#[derive(Clone, Copy, Debug)]
struct Statement {
    kind: Kind,
    /// It records an intent.
    intends: bool,
}

impl Statement {
    fn of(sql: &[u8]) -> Self {
        Self {
            kind: Kind::of(sql),
            intends: String::from_utf8_lossy(sql).contains("INSERT INTO intent"),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Reads,
    Adds,
    Changes,
    Begins,
    Commits,
    RollsBack,
}

impl Kind {
    fn of(sql: &[u8]) -> Self {
        let sql = String::from_utf8_lossy(sql).to_uppercase();
        let mut words = sql
            .split(|c: char| !c.is_ascii_alphabetic())
            .filter(|word| !word.is_empty());
        match words.next() {
            Some("BEGIN") => Self::Begins,
            Some("COMMIT") => Self::Commits,
            Some("ROLLBACK") => Self::RollsBack,
            Some("INSERT") => Self::Adds,
            Some("UPDATE" | "DELETE") => Self::Changes,
            Some("WITH") if sql.contains("INSERT INTO") => Self::Adds,
            Some("WITH") if sql.contains("UPDATE ") || sql.contains("DELETE FROM") => Self::Changes,
            _ => Self::Reads,
        }
    }
}

impl Statements {
    /// Takes note of a message; `body` is without tag and length.
    fn hear(&mut self, tag: u8, body: &[u8]) {
        let mut strings = body.split(|byte| *byte == 0);
        let mut next = || strings.next().unwrap_or_default();
        match tag {
            // Parse: name, statement.
            b'P' => {
                let name = next().to_vec();
                self.prepared.insert(name, Statement::of(next()));
            }
            // Bind: portal, name.
            b'B' => {
                next();
                self.bound = self.prepared.get(next()).copied();
            }
            b'E' => self.executed.extend(self.bound),
            b'Q' => self.executed.push(Statement::of(next())),
            _ => {}
        }
    }

    fn end_of_round(&mut self) -> Round {
        let mut round = Round::default();
        for Statement { kind, intends } in self.executed.drain(..) {
            round.intends |= intends;
            match kind {
                Kind::Begins => self.in_transaction = true,
                Kind::Commits => round.commits = true,
                Kind::Adds | Kind::Changes => {
                    round.adds |= kind == Kind::Adds;
                    round.commits |= !self.in_transaction;
                }
                Kind::Reads | Kind::RollsBack => {}
            }
            if matches!(kind, Kind::Commits | Kind::RollsBack) {
                self.in_transaction = false;
            }
        }
        round
    }
}
