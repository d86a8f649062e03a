//! How fast it is, and how much memory it takes. Not for every run: each asks for its own, and prints what it found.

use std::{fmt::Write, fs, time::Duration};

use dover_ashby_sync::clock::{Clock, SystemClock};
use futures::stream;
use reqwest::Method;
use serde_json::{Value, json};

use super::of_list;
use crate::app::{TOKEN, TestApp};

/// Rows of a piece of the file.
const PIECE: usize = 1_000;

/// The most memory that this process has taken so far, in KiB.
fn peak_memory() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    peak.unwrap()
        .trim()
        .trim_end_matches(" kB")
        .parse()
        .unwrap()
}

fn piece(first: usize) -> String {
    let mut text = String::new();
    for n in first..first + PIECE {
        let _ = writeln!(
            text,
            "Person {n},\"person-{n}@example.com, p{n}@work.example\",https://www.linkedin.com/in/person-{n},Engineer"
        );
    }
    text
}

/// Sends a file of so many rows as it is made, and puts it in force. Answers the preview and the seconds that it took.
async fn send(app: &TestApp, rows: usize) -> (Value, f64) {
    let header = "Candidate Name,Email,LinkedIn URL,Job\n".to_owned();
    let pieces = (0..rows / PIECE).map(|at| piece(at * PIECE));
    let pieces = std::iter::once(header).chain(pieces);
    let pieces = stream::iter(pieces.map(Ok::<_, std::io::Error>));
    let path = of_list("/imports?name=all&commit=true");
    let request = app.request(Method::POST, &path).bearer_auth(TOKEN);
    let request = request
        .timeout(Duration::from_mins(10))
        .body(reqwest::Body::wrap_stream(pieces));
    let began = SystemClock.now();
    let read = app.send(request).await.ok();
    let took = (SystemClock.now() - began).as_seconds_f64();
    (read, took)
}

#[tokio::test]
#[ignore = "takes a minute; `cargo test --release --test it exclusions::figures::a_file -- --ignored --nocapture`"]
async fn a_file_of_half_a_million_rows() {
    let app = TestApp::connected().await;
    send(&app, 2_000).await;
    let before = peak_memory();
    let (read, took) = send(&app, 500_000).await;
    let grown = peak_memory() - before;
    assert_eq!(
        (&read["people"], &read["refused"]),
        (&json!(500_000), &json!(0))
    );
    println!(
        "500,000 rows ({} MiB): {took:.1} s, {:.0} rows/s; peak memory {} MiB, {} MiB of it on the way",
        read["bytes"].as_u64().unwrap() / 1024 / 1024,
        500_000.0 / took,
        peak_memory() / 1024,
        grown / 1024
    );
    assert!(grown < 64 * 1024, "{grown} KiB");
}

#[tokio::test]
#[ignore = "takes a minute; `cargo test --release --test it exclusions::figures::a_question -- --ignored --nocapture`"]
async fn a_question_about_a_thousand_people_against_a_million_exclusions() {
    let app = TestApp::connected().await;
    // Two addresses and a profile each.
    send(&app, 334_000).await;
    sqlx::query("ANALYZE exclusion_key")
        .execute(&app.database.pool)
        .await
        .unwrap();
    let mut took = Vec::new();
    for round in 0..200_usize {
        let people = (0..1_000).map(|n| {
            // Every other one is on the list.
            let n = (round * 7_919 + n * 331) % 668_000;
            json!({ "emails": [format!("person-{n}@example.com")] })
        });
        let body = json!({ "people": people.collect::<Vec<_>>() });
        let began = SystemClock.now();
        let answers = app.post(&of_list("/check"), body).await.ok();
        took.push((SystemClock.now() - began).as_seconds_f64() * 1_000.0);
        assert_eq!(answers["items"].as_array().unwrap().len(), 1_000);
    }
    took.sort_by(f64::total_cmp);
    println!(
        "1,000 people against 1,002,000 exclusions: p50 {:.1} ms, p99 {:.1} ms",
        took[100], took[198]
    );
}
