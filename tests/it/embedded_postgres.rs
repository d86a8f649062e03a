//! The embedded cluster keeps its data and never doubles, whatever is killed.

use std::{
    fs::{self, Permissions},
    io::{BufRead, BufReader},
    net::{TcpListener, TcpStream},
    os::unix::{
        fs::{MetadataExt, PermissionsExt},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use dover_ashby_sync::{
    clock::{Clock, SystemClock},
    embedded_postgres::{Durability, EmbeddedError, EmbeddedPostgres},
};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use sqlx::{Connection, PgConnection};
use tempfile::TempDir;

/// Tells the child process of a test which cluster to hold: a directory, or nothing for a throwaway one.
const HELD: &str = "DOVER_ASHBY_SYNC_TEST_HOLDS";

/// A directory that the user postgres can enter when root runs the tests.
fn data_dir() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    fs::set_permissions(directory.path(), Permissions::from_mode(0o755)).unwrap();
    directory
}

async fn write_row(postgres: &EmbeddedPostgres) {
    postgres.create_database("kept", None).await.unwrap();
    let mut connection = PgConnection::connect(&postgres.url("kept")).await.unwrap();
    for statement in [
        "CREATE TABLE IF NOT EXISTS kept (word text)",
        "INSERT INTO kept VALUES ('data')",
    ] {
        sqlx::query(statement)
            .execute(&mut connection)
            .await
            .unwrap();
    }
}

async fn read_row(postgres: &EmbeddedPostgres) -> String {
    let mut connection = PgConnection::connect(&postgres.url("kept")).await.unwrap();
    sqlx::query_scalar("SELECT word FROM kept")
        .fetch_one(&mut connection)
        .await
        .unwrap()
}

/// The server's address and port.
fn address(postgres: &EmbeddedPostgres) -> String {
    let url = url::Url::parse(&postgres.url("postgres")).unwrap();
    format!("{}:{}", url.host().unwrap(), url.port().unwrap())
}

/// The process id that the cluster's own file names.
fn postmaster(home: &Path) -> Pid {
    let file = fs::read_to_string(home.join("cluster/postmaster.pid")).unwrap();
    Pid::from_raw(file.lines().next().unwrap().parse().unwrap())
}

/// Resolves when `done` holds: what we wait for happens in other processes.
async fn eventually(what: &str, done: impl Fn() -> bool) {
    for _ in 0..600 {
        if done() {
            return;
        }
        SystemClock.sleep(Duration::from_millis(50)).await;
    }
    panic!("{what} did not happen within 30 s");
}

/// A second process, of this very program, that holds a cluster until it is killed, and the cluster's home.
fn second_process(data_dir: &str) -> (Child, PathBuf) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "embedded_postgres::hold_a_cluster"])
        .args(["--ignored", "--nocapture"])
        .env(HELD, data_dir)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let home = BufReader::new(child.stdout.take().unwrap())
        .lines()
        .find_map(|line| Some(PathBuf::from(line.unwrap().split_once("holding ")?.1)))
        .expect("the second process has its cluster");
    (child, home)
}

#[tokio::test]
#[ignore = "the second process of the tests below, which kill it"]
#[expect(clippy::disallowed_methods, reason = "how its parent speaks to it")]
async fn hold_a_cluster() {
    let data_dir = std::env::var(HELD).expect("it is run by the tests below");
    let postgres = match data_dir.as_str() {
        "" => EmbeddedPostgres::throwaway(Durability::None).await.unwrap(),
        path => EmbeddedPostgres::start(Path::new(path)).await.unwrap(),
    };
    if !data_dir.is_empty() {
        write_row(&postgres).await;
    }
    println!("holding {}", postgres.directory().display());
    std::future::pending::<()>().await;
}

#[tokio::test]
async fn data_survives_a_stop_and_a_start() {
    let data_dir = data_dir();
    let postgres = EmbeddedPostgres::start(data_dir.path()).await.unwrap();
    write_row(&postgres).await;
    let url = postgres.url("kept");
    postgres.stop().await.unwrap();
    assert!(
        PgConnection::connect(&url).await.is_err(),
        "the server still answers"
    );

    let postgres = EmbeddedPostgres::start(data_dir.path()).await.unwrap();
    assert_eq!(read_row(&postgres).await, "data");
    assert_eq!(
        postgres.url("kept"),
        url,
        "the address should stay where it can"
    );
    postgres.stop().await.unwrap();
}

#[tokio::test]
async fn data_survives_a_kill_of_the_server() {
    let data_dir = data_dir();
    let postgres = EmbeddedPostgres::start(data_dir.path()).await.unwrap();
    write_row(&postgres).await;
    kill(postmaster(postgres.directory()), Signal::SIGKILL).unwrap();
    drop(postgres);

    let postgres = EmbeddedPostgres::start(data_dir.path()).await.unwrap();
    assert_eq!(read_row(&postgres).await, "data");
    postgres.stop().await.unwrap();
}

#[tokio::test]
async fn a_stale_pid_that_now_names_somebody_else_is_no_obstacle() {
    let data_dir = data_dir();
    let postgres = EmbeddedPostgres::start(data_dir.path()).await.unwrap();
    write_row(&postgres).await;
    let cluster = postgres.directory().join("cluster");
    let file = fs::read_to_string(cluster.join("postmaster.pid")).unwrap();
    postgres.stop().await.unwrap();
    let mut stranger = Command::new("sleep")
        .arg("300")
        .uid(fs::metadata(&cluster).unwrap().uid())
        .spawn()
        .unwrap();
    let (_, rest) = file.split_once('\n').unwrap();
    fs::write(
        cluster.join("postmaster.pid"),
        format!("{}\n{rest}", stranger.id()),
    )
    .unwrap();

    let postgres = EmbeddedPostgres::start(data_dir.path()).await.unwrap();
    assert_eq!(read_row(&postgres).await, "data");
    assert!(
        stranger.try_wait().unwrap().is_none(),
        "the stranger was harmed"
    );
    postgres.stop().await.unwrap();
    stranger.kill().unwrap();
    stranger.wait().unwrap();
}

#[tokio::test]
async fn a_port_that_somebody_took_meanwhile_is_given_up() {
    let data_dir = data_dir();
    let postgres = EmbeddedPostgres::start(data_dir.path()).await.unwrap();
    write_row(&postgres).await;
    let address = address(&postgres);
    postgres.stop().await.unwrap();
    let _taken = TcpListener::bind(&address).unwrap();

    let postgres = EmbeddedPostgres::start(data_dir.path()).await.unwrap();
    assert_ne!(self::address(&postgres), address);
    assert_eq!(read_row(&postgres).await, "data");
    postgres.stop().await.unwrap();
}

#[tokio::test]
async fn the_server_of_a_killed_process_is_taken_over() {
    let data_dir = data_dir();
    let (mut holder, home) = second_process(data_dir.path().to_str().unwrap());
    let left = postmaster(&home);
    holder.kill().unwrap();
    holder.wait().unwrap();

    let postgres = EmbeddedPostgres::start(data_dir.path()).await.unwrap();
    assert_eq!(postmaster(postgres.directory()), left);
    assert_eq!(read_row(&postgres).await, "data");
    postgres.stop().await.unwrap();
    assert!(
        !home.join("cluster/postmaster.pid").exists(),
        "the server still runs"
    );
}

#[tokio::test]
async fn a_directory_closed_to_the_user_postgres_is_replaced_by_an_open_one() {
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    let closed = tempfile::tempdir().unwrap();
    fs::set_permissions(closed.path(), Permissions::from_mode(0o700)).unwrap();
    let postgres = EmbeddedPostgres::start(closed.path()).await.unwrap();
    write_row(&postgres).await;
    let home = postgres.directory().to_owned();
    postgres.stop().await.unwrap();
    assert!(!home.starts_with(closed.path()));
    assert!(!closed.path().join("postgres").exists(), "a home was left");

    let postgres = EmbeddedPostgres::start(closed.path()).await.unwrap();
    assert_eq!(postgres.directory(), home);
    assert_eq!(read_row(&postgres).await, "data");
    postgres.stop().await.unwrap();
    fs::remove_dir_all(home).unwrap();
}

#[tokio::test]
async fn the_last_to_leave_stops_the_server() {
    let data_dir = data_dir();
    let (first, second) = tokio::join!(
        EmbeddedPostgres::start(data_dir.path()),
        EmbeddedPostgres::start(data_dir.path()),
    );
    let (first, second) = (first.unwrap(), second.unwrap());
    assert_eq!(
        first.url("kept"),
        second.url("kept"),
        "there are two clusters"
    );
    first.stop().await.unwrap();
    write_row(&second).await;
    assert_eq!(read_row(&second).await, "data");
    let home = second.directory().to_owned();
    second.stop().await.unwrap();
    assert!(
        !home.join("cluster/postmaster.pid").exists(),
        "the server still runs"
    );
}

#[tokio::test]
async fn a_server_that_vanished_under_its_user_is_not_started_beside_it() {
    let data_dir = data_dir();
    let postgres = EmbeddedPostgres::start(data_dir.path()).await.unwrap();
    kill(postmaster(postgres.directory()), Signal::SIGKILL).unwrap();
    let address = address(&postgres);
    eventually("the server's end", || TcpStream::connect(&address).is_err()).await;
    let refused = EmbeddedPostgres::start(data_dir.path()).await.unwrap_err();
    assert!(
        matches!(refused, EmbeddedError::UsedElsewhere { .. }),
        "{refused}"
    );
}

#[tokio::test]
async fn a_dropped_cluster_stops_by_itself_and_starts_again() {
    let data_dir = data_dir();
    let postgres = EmbeddedPostgres::start(data_dir.path()).await.unwrap();
    write_row(&postgres).await;
    drop(postgres);
    let postgres = EmbeddedPostgres::start(data_dir.path()).await.unwrap();
    assert_eq!(read_row(&postgres).await, "data");
    postgres.stop().await.unwrap();
}

#[tokio::test]
async fn a_throwaway_cluster_is_gone_when_it_is_stopped() {
    let postgres = EmbeddedPostgres::throwaway(Durability::None).await.unwrap();
    let home = postgres.directory().to_owned();
    write_row(&postgres).await;
    assert_eq!(read_row(&postgres).await, "data");
    postgres.stop().await.unwrap();
    assert!(!home.exists());
}

#[tokio::test]
async fn a_throwaway_cluster_goes_with_its_killed_process() {
    let (mut holder, home) = second_process("");
    let server = postmaster(&home);
    holder.kill().unwrap();
    holder.wait().unwrap();
    eventually("the removal of the directory", || !home.exists()).await;
    eventually("the server's end", || {
        // A zombie, where there is no init to reap it, is as good as gone.
        fs::read(format!("/proc/{server}/cmdline"))
            .unwrap_or_default()
            .is_empty()
    })
    .await;
}

#[tokio::test]
async fn an_abandoned_throwaway_cluster_is_swept_by_the_next() {
    let left = std::env::temp_dir().join(format!(
        "dover-ashby-sync-throwaway-left-{}",
        std::process::id()
    ));
    fs::create_dir(&left).unwrap();
    let postgres = EmbeddedPostgres::throwaway(Durability::None).await.unwrap();
    assert!(!left.exists());
    postgres.stop().await.unwrap();
}

#[tokio::test]
async fn a_database_is_copied_from_its_template_and_left_alone_if_there() {
    let postgres = EmbeddedPostgres::throwaway(Durability::None).await.unwrap();
    write_row(&postgres).await;
    postgres
        .create_database("copied", Some("kept"))
        .await
        .unwrap();
    postgres.create_database("copied", None).await.unwrap();
    let mut connection = PgConnection::connect(&postgres.url("copied"))
        .await
        .unwrap();
    let word: String = sqlx::query_scalar("SELECT word FROM kept")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    assert_eq!(word, "data");
    for bad in ["", "9lives", "a b", "x\"; DROP", "Upper"] {
        let refused = postgres.create_database(bad, None).await.unwrap_err();
        assert!(
            matches!(refused, EmbeddedError::DatabaseName(_)),
            "{bad}: {refused}"
        );
    }
    postgres.stop().await.unwrap();
}

#[tokio::test]
async fn nobody_gets_in_without_the_password() {
    let data_dir = data_dir();
    let postgres = EmbeddedPostgres::start(data_dir.path()).await.unwrap();
    let mut url = url::Url::parse(&postgres.url("postgres")).unwrap();
    url.set_password(Some("guessed")).unwrap();
    assert!(PgConnection::connect(url.as_str()).await.is_err());
    let secret = fs::metadata(postgres.directory().join("connection.json")).unwrap();
    assert_eq!(secret.permissions().mode() & 0o777, 0o600);
    postgres.stop().await.unwrap();
}
