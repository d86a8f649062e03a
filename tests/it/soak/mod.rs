//! A day of 96 flushes: Dover keeps talking, the hiring team keeps moving people, and much goes wrong. At its end Ashby
//! holds what it holds after the same day without trouble, memory is flat, and no table has grown that need not.

mod day;

use self::day::Day;

/// Flushes a day.
const FLUSHES: usize = 96;

#[expect(clippy::print_stdout, reason = "the figures are what it is for")]
fn say(what: &str) {
    println!("{what}");
}

/// How many deliveries are asked for; none where nothing is said.
#[expect(
    clippy::disallowed_methods,
    reason = "the tests have no config.rs between them and the environment"
)]
fn asked_for() -> Option<usize> {
    std::env::var("SOAK_DELIVERIES").ok()?.parse().ok()
}

/// The memory that this process holds, in MiB: the program, its Ashby, and Dover.
fn memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or_default() / 1024
}

/// Lives through a day. Answers what Ashby holds at its end.
async fn live(deliveries: usize, with_trouble: bool) -> Vec<String> {
    let mut day = Day::new(deliveries, with_trouble).await;
    let what = if with_trouble {
        "with trouble"
    } else {
        "without"
    };
    let mut quarter = 0;
    for flush in 0..FLUSHES {
        day.go_on(flush).await;
        if flush + 1 == FLUSHES / 4 {
            quarter = memory();
            say(&format!(
                "soak {what}: a quarter: {quarter} MiB, {:?}",
                day.rows().await
            ));
        }
    }
    let (end, rows) = (memory(), day.rows().await);
    say(&format!("soak {what}: the end: {end} MiB, {rows:?}"));
    say(&format!("soak {what}: {:?}", day.counted));
    assert_eq!(
        day.counted.sent, day.counted.acknowledged,
        "nobody is turned away"
    );
    // What was said more than once is kept once, with the number of copies.
    let kept: i64 = sqlx::query_scalar("SELECT sum(copies)::bigint FROM delivery")
        .fetch_one(&day.app.database.pool)
        .await
        .unwrap();
    // One that was stored too late for its answer was sent again, and counts as a copy too.
    let lost = (i64::try_from(day.counted.acknowledged).unwrap() - kept).max(0);
    say(&format!("soak {what}: acknowledged and lost: {lost}"));
    assert_eq!(lost, 0);
    assert_eq!(
        day.malformed().await,
        0,
        "deliveries against their own rules"
    );
    for table in ["pending", "intent"] {
        assert_eq!(rows[table], 0, "{table}");
    }
    if asked_for().is_some() {
        assert!(
            end <= quarter + quarter / 4,
            "memory grows: {quarter} MiB, then {end} MiB"
        );
    }
    day.long_after(what).await;
    day.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_day_with_trouble_ends_as_one_without() {
    let deliveries = asked_for().unwrap_or(4_000);
    say(&format!(
        "soak: {deliveries} deliveries, at the start {} MiB",
        memory()
    ));
    let with = live(deliveries, true).await;
    let without = live(deliveries, false).await;
    let doubled = with.windows(2).filter(|pair| pair[0] == pair[1]).count();
    say(&format!(
        "soak: {} lines of Ashby's world, {doubled} doubled",
        with.len()
    ));
    let more: Vec<_> = with
        .iter()
        .filter(|line| without.binary_search(line).is_err())
        .collect();
    let less: Vec<_> = without
        .iter()
        .filter(|line| with.binary_search(line).is_err())
        .collect();
    assert!(
        more.is_empty() && less.is_empty(),
        "+ {more:#?}\n- {less:#?}"
    );
    assert_eq!(with.len(), without.len());
    assert_eq!(doubled, 0);
}
