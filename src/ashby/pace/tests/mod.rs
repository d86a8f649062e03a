//! The pace by its door: who waits how long. `laws` has what holds whatever happens.

mod laws;

use std::{sync::Arc, time::Duration};

use chrono::TimeDelta;

use super::{state::ASSUMED_LIMIT, *};
use crate::clock::{Clock, ManualClock};

fn start() -> DateTime<Utc> {
    "2026-11-21T10:00:00Z".parse().unwrap()
}

fn paced() -> (Pace, ManualClock) {
    let clock = ManualClock::at(start());
    let pace = Pace::new(Arc::new(clock.clone()), Arc::default());
    (pace, clock)
}

fn seconds_gone(clock: &ManualClock) -> i64 {
    (clock.now() - start()).num_seconds()
}

fn said(limit: u32, remaining: u32, resets_in: i64) -> RateHeaders {
    RateHeaders {
        limit: Some(limit),
        remaining: Some(remaining),
        resets_at: Some(start() + TimeDelta::seconds(resets_in)),
        ..RateHeaders::default()
    }
}

fn left(pace: &Pace) -> u32 {
    pace.budget().unwrap().remaining
}

/// A request that goes out.
async fn request(pace: &Pace, share: f64) -> Admission<'_> {
    let mut admission = pace.admit(share).await;
    admission.sent();
    admission
}

/// A request that goes out and is answered.
async fn ask(pace: &Pace, share: f64, answer: &RateHeaders) {
    request(pace, share).await.answered(answer, false);
}

/// Whether a caller would have to wait for another request to be over.
fn waits_for_another(pace: &Pace) -> bool {
    matches!(
        pace.try_admit(0.1),
        Err(Wait::ForAnother | Wait::ForAnotherKey)
    )
}

#[tokio::test]
async fn before_the_first_answer_nothing_is_known_and_all_is_ample() {
    let (pace, _) = paced();
    let _under_way = request(&pace, 0.1).await;
    assert_eq!(pace.budget(), None);
    assert!(pace.is_ample());
}

#[tokio::test]
async fn it_counts_down_by_itself_between_answers() {
    let (pace, _) = paced();
    ask(&pace, 0.1, &said(1000, 600, 40)).await;
    assert_eq!(left(&pace), 600);
    assert!(pace.is_ample());
    for _ in 0..100 {
        request(&pace, 0.1).await;
    }
    assert_eq!(left(&pace), 500);
    assert!(!pace.is_ample());
}

#[tokio::test]
async fn a_window_is_opened_by_one_request_and_the_others_wait_for_its_answer() {
    let (pace, clock) = paced();
    for window in 0..3 {
        let first = request(&pace, 0.1).await;
        assert!(waits_for_another(&pace), "window {window}");
        first.answered(&said(1000, 999, 60 * (window + 1)), false);
        drop(first);
        let _second = request(&pace, 0.1).await;
        let _third = request(&pace, 0.1).await;
        clock.advance(Duration::from_secs(62));
    }
}

#[tokio::test]
async fn who_went_first_and_got_no_answer_keeps_nobody_waiting() {
    let (pace, clock) = paced();
    drop(request(&pace, 0.1).await);
    let _side_by_side = [request(&pace, 0.1).await, request(&pace, 0.1).await];
    assert_eq!(seconds_gone(&clock), 0);
}

#[tokio::test]
async fn who_went_first_and_was_never_sent_is_replaced() {
    let (pace, _) = paced();
    drop(pace.admit(0.1).await);
    let _first = request(&pace, 0.1).await;
    assert!(waits_for_another(&pace));
}

#[tokio::test]
async fn callers_that_start_together_stop_at_the_reserve_together() {
    let (pace, clock) = paced();
    ask(&pace, 0.1, &said(20, 5, 40)).await;
    let _under_way = [
        request(&pace, 0.1).await,
        request(&pace, 0.1).await,
        request(&pace, 0.1).await,
    ];
    assert_eq!(seconds_gone(&clock), 0);
    // Two of twenty stay with the other tools; the fourth caller waits for the next window.
    let _fourth = request(&pace, 0.1).await;
    assert_eq!(seconds_gone(&clock), 41);
    assert_eq!(left(&pace), 20 - 4);
}

#[tokio::test]
async fn each_caller_leaves_its_own_share() {
    let (pace, clock) = paced();
    ask(&pace, 0.5, &said(10, 6, 40)).await;
    request(&pace, 0.5).await;
    // Five are left: none for one who leaves half, some for one who leaves a tenth.
    request(&pace, 0.1).await;
    assert_eq!(seconds_gone(&clock), 0);
    request(&pace, 0.5).await;
    assert_eq!(seconds_gone(&clock), 41);
}

#[tokio::test]
async fn an_answer_that_was_overtaken_gives_nothing_back() {
    let (pace, _) = paced();
    ask(&pace, 0.0, &said(100, 53, 40)).await;
    let (first, second) = (request(&pace, 0.0).await, request(&pace, 0.0).await);
    second.answered(&said(100, 50, 40), false);
    drop(second);
    first.answered(&said(100, 51, 40), false);
    assert!(left(&pace) <= 50);
}

#[tokio::test]
async fn a_lone_answer_is_believed_even_when_it_gives_back() {
    let (pace, _) = paced();
    ask(&pace, 0.0, &said(100, 10, 40)).await;
    ask(&pace, 0.0, &said(100, 90, 41)).await;
    assert_eq!(left(&pace), 90);
}

#[tokio::test]
async fn a_limit_that_changes_counts_at_once() {
    let (pace, clock) = paced();
    ask(&pace, 0.0, &said(1000, 900, 40)).await;
    ask(&pace, 0.0, &said(10, 2, 40)).await;
    for _ in 0..2 {
        request(&pace, 0.0).await;
    }
    assert_eq!(seconds_gone(&clock), 0);
    request(&pace, 0.0).await;
    assert_eq!(seconds_gone(&clock), 41);
}

#[tokio::test]
async fn a_new_window_brings_the_whole_limit_back() {
    let (pace, clock) = paced();
    ask(&pace, 0.1, &said(1000, 100, 40)).await;
    clock.advance(Duration::from_secs(42));
    let expected = Budget {
        limit: 1000,
        remaining: 1000,
        resets_at: None,
    };
    assert_eq!(pace.budget(), Some(expected));
    assert!(pace.is_ample());
}

#[tokio::test]
async fn a_reserve_of_everything_still_lets_one_call_a_minute_through() {
    let (pace, clock) = paced();
    ask(&pace, 1.0, &said(10, 9, 30)).await;
    request(&pace, 1.0).await;
    assert_eq!(seconds_gone(&clock), 60);
}

#[tokio::test]
async fn without_any_word_from_ashby_the_observed_limit_holds() {
    let (pace, clock) = paced();
    for _ in 0..ASSUMED_LIMIT {
        request(&pace, 0.0).await;
    }
    assert_eq!(seconds_gone(&clock), 0);
    request(&pace, 0.0).await;
    assert_eq!(seconds_gone(&clock), 60);
}

#[tokio::test]
async fn two_windows_that_meet_are_not_emptied_one_after_the_other_within_a_minute() {
    let (pace, clock) = paced();
    // Others opened the window long ago: it has ten seconds left, and so has the whole limit.
    ask(&pace, 0.0, &said(10, 9, 10)).await;
    for _ in 0..9 {
        request(&pace, 0.0).await;
    }
    request(&pace, 0.0).await;
    assert_eq!(seconds_gone(&clock), 60);
}

#[tokio::test]
async fn a_429_holds_everybody_as_long_as_it_asks() {
    let retry_after = |seconds| RateHeaders {
        retry_after: Some(Duration::from_secs(seconds)),
        ..said(1000, 0, 40)
    };
    let resets = said(1000, 0, 40);
    let silent = RateHeaders::default();
    for (headers, seconds, why) in [
        (retry_after(7), 7, "Retry-After comes first"),
        (retry_after(0), 1, "at once is too soon"),
        (retry_after(86_400), 90, "a day is a misunderstanding"),
        (resets, 41, "the reset comes second, to the next second"),
        (silent, 60, "else a whole window"),
    ] {
        let (pace, clock) = paced();
        request(&pace, 0.1).await.answered(&headers, true);
        assert!(!pace.is_ample(), "{why}");
        // One goes first and the others wait for what it is told.
        let _first = request(&pace, 0.1).await;
        assert_eq!(seconds_gone(&clock), seconds, "{why}");
        assert!(waits_for_another(&pace), "{why}");
    }
}

fn refused_as_a_partner() -> RateHeaders {
    RateHeaders {
        retry_after: Some(Duration::from_secs(5)),
        foreign_scope: Some("integration-partner".to_owned()),
        ..said(10, 0, 50)
    }
}

#[tokio::test]
async fn a_partners_429_holds_us_and_leaves_the_keys_own_figures_alone() {
    let (pace, clock) = paced();
    ask(&pace, 0.1, &said(1000, 900, 50)).await;
    request(&pace, 0.1)
        .await
        .answered(&refused_as_a_partner(), true);
    assert!(!pace.is_ample());
    let budget = pace.budget().unwrap();
    assert_eq!((budget.limit, budget.remaining), (1000, 899));
    request(&pace, 0.1).await;
    assert_eq!(seconds_gone(&clock), 5);
    assert!(pace.is_ample());
}

#[tokio::test]
async fn a_partners_429_holds_every_key_and_then_one_of_them_goes_first() {
    let (one, clock) = paced();
    let other = Pace::new(Arc::new(clock.clone()), Arc::clone(&one.partner));
    ask(&other, 0.1, &said(1000, 900, 50)).await;
    request(&one, 0.1)
        .await
        .answered(&refused_as_a_partner(), true);
    assert!(!other.is_ample());
    let first = request(&other, 0.1).await;
    assert_eq!(seconds_gone(&clock), 5);
    assert!(waits_for_another(&one) && waits_for_another(&other));
    // Refused once more: all are held once more.
    first.answered(&refused_as_a_partner(), true);
    drop(first);
    let first = request(&one, 0.1).await;
    assert_eq!(seconds_gone(&clock), 10);
    drop(first);
    let _both = [request(&one, 0.1).await, request(&other, 0.1).await];
    assert_eq!(seconds_gone(&clock), 10);
}

#[tokio::test]
async fn a_429_about_one_key_leaves_other_keys_alone() {
    let (one, clock) = paced();
    let other = Pace::new(Arc::new(clock.clone()), Arc::clone(&one.partner));
    request(&one, 0.1).await.answered(&said(1000, 0, 40), true);
    request(&other, 0.1).await;
    assert_eq!(seconds_gone(&clock), 0);
}
