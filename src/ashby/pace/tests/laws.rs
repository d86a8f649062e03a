//! What holds whatever happens: random callers, another tool on the same key, any travel time, any phase of Ashby's
//! windows, any form of its headers. A model of Ashby's limit counts along.

use std::collections::{BTreeMap, VecDeque};

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;

use super::{
    super::{
        scout::Turn,
        state::{State, Ticket, reserved},
    },
    start,
};
use crate::ashby::rate_headers::RateHeaders;

const WINDOW_MS: i64 = 60_000;

/// How the modelled Ashby answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Headers {
    All,
    WithoutReset,
    None,
}

#[derive(Clone, Debug)]
struct Schedule {
    limit: u32,
    share: f64,
    headers: Headers,
    retry_after: bool,
    /// Requests that we want to make, and how many side by side.
    wanted: usize,
    side_by_side: usize,
    /// Travel times, there and back, taken in turn.
    travel_ms: Vec<(i64, i64)>,
    /// When another tool asks, in milliseconds from the start.
    others: Vec<i64>,
    /// The limit from some moment on.
    new_limit: Option<(i64, u32)>,
}

fn schedules(most_others: usize) -> impl Strategy<Value = Schedule> {
    let headers = prop_oneof![
        Just(Headers::All),
        Just(Headers::WithoutReset),
        Just(Headers::None)
    ];
    (
        (1_u32..60, 0.0..0.9_f64, headers, any::<bool>()),
        (1_usize..150, 1_usize..10),
        prop::collection::vec((0_i64..3_000, 0_i64..3_000), 1..20),
        prop::collection::vec(0_i64..400_000, 0..=most_others),
        prop::option::of((0_i64..200_000, 1_u32..60)),
    )
        .prop_map(
            |(
                (limit, share, headers, retry_after),
                (wanted, side_by_side),
                travel_ms,
                others,
                new_limit,
            )| Schedule {
                limit,
                share,
                headers,
                retry_after,
                wanted,
                side_by_side,
                travel_ms,
                others,
                new_limit,
            },
        )
}

/// Ashby's count: a window of a minute that opens with the first request after the last one.
#[derive(Default)]
struct Server {
    opened_at: Option<i64>,
    spent: u32,
}

impl Server {
    /// Counts a request. Answers what is left, how long the window lasts, and whether it was refused.
    fn ask(&mut self, at: i64, limit: u32) -> (u32, i64, bool) {
        let opened_at = match self.opened_at {
            Some(opened_at) if at < opened_at + WINDOW_MS => opened_at,
            _ => {
                self.spent = 0;
                *self.opened_at.insert(at)
            }
        };
        let refused = self.spent >= limit;
        self.spent += u32::from(!refused);
        (
            limit.saturating_sub(self.spent),
            opened_at + WINDOW_MS - at,
            refused,
        )
    }
}

#[derive(Clone, Copy, Debug)]
enum Event {
    Other,
    Arrives(Ticket, i64),
    Answered(Ticket, u32, i64, bool),
    Wakes,
}

/// What came of a schedule.
#[derive(Debug, Default)]
struct Run {
    /// When our requests came to Ashby, and whether they were refused.
    ours: Vec<(i64, bool)>,
    /// When all were through.
    done_at: i64,
    /// Requests that were sent while a 429 that we knew of still held.
    sent_while_held: usize,
}

struct Model<'a> {
    schedule: &'a Schedule,
    state: State,
    server: Server,
    events: BTreeMap<(i64, usize), Event>,
    serial: usize,
    left: usize,
    under_way: usize,
    held_until: i64,
    run: Run,
}

fn at(ms: i64) -> DateTime<Utc> {
    start() + TimeDelta::milliseconds(ms)
}

impl Model<'_> {
    fn plan(&mut self, when: i64, event: Event) {
        self.serial += 1;
        self.events.insert((when, self.serial), event);
    }

    fn limit(&self, now: i64) -> u32 {
        let changed = self.schedule.new_limit.filter(|(from, _)| *from <= now);
        changed.map_or(self.schedule.limit, |(_, limit)| limit)
    }

    fn send(&mut self, now: i64) {
        while self.left > 0 && self.under_way < self.schedule.side_by_side {
            match self.state.turn(at(now), self.schedule.share) {
                Turn::Now => {
                    let ticket = self.state.admit(at(now));
                    let turns = &self.schedule.travel_ms;
                    let (there, back) = turns[self.serial % turns.len()];
                    self.run.sent_while_held += usize::from(now < self.held_until);
                    self.left -= 1;
                    self.under_way += 1;
                    self.plan(now + there, Event::Arrives(ticket, back));
                }
                Turn::At(when) => {
                    assert!(when > at(now), "a wait that is none");
                    let wait = (when - at(now)).num_milliseconds();
                    self.plan(now + wait.max(1), Event::Wakes);
                    return;
                }
                Turn::AfterAnother => {
                    assert!(self.under_way > 0, "nobody will ever ring");
                    return;
                }
            }
        }
    }

    fn happens(&mut self, now: i64, event: Event) {
        match event {
            Event::Other => drop(self.server.ask(now, self.limit(now))),
            Event::Wakes => {}
            Event::Arrives(ticket, back) => {
                let (remaining, resets_ms, refused) = self.server.ask(now, self.limit(now));
                self.run.ours.push((now, refused));
                self.plan(
                    now + back,
                    Event::Answered(ticket, remaining, now + resets_ms, refused),
                );
            }
            Event::Answered(ticket, remaining, ends, refused) => {
                let seconds = (ends - now).max(0).div_ceil_seconds();
                let has = |wanted: &[Headers]| wanted.contains(&self.schedule.headers);
                let said = RateHeaders {
                    limit: has(&[Headers::All, Headers::WithoutReset]).then(|| self.limit(now)),
                    remaining: has(&[Headers::All, Headers::WithoutReset]).then_some(remaining),
                    resets_at: (has(&[Headers::All]) && seconds > 0)
                        .then(|| at(now) + TimeDelta::seconds(seconds)),
                    retry_after: (refused && self.schedule.retry_after)
                        .then(|| std::time::Duration::from_secs(seconds.max(1).unsigned_abs())),
                    foreign_scope: None,
                };
                self.state.answered(ticket, &said, refused, at(now));
                if refused {
                    self.held_until = self.held_until.max(now + 1_000);
                    self.left += 1;
                }
                self.state.over(ticket, true, at(now));
                self.under_way -= 1;
            }
        }
    }

    fn run(mut self) -> Run {
        for when in self.schedule.others.clone() {
            self.plan(when, Event::Other);
        }
        self.send(0);
        while self.left > 0 || self.under_way > 0 {
            let ((now, _), event) = self.events.pop_first().expect("somebody has to go on");
            self.happens(now, event);
            self.send(now);
            self.run.done_at = now;
        }
        self.run
    }
}

trait Seconds {
    fn div_ceil_seconds(self) -> i64;
}

impl Seconds for i64 {
    fn div_ceil_seconds(self) -> i64 {
        (self + 999).div_euclid(1_000)
    }
}

fn run(schedule: &Schedule) -> Run {
    let model = Model {
        schedule,
        state: State::new(),
        server: Server::default(),
        events: BTreeMap::new(),
        serial: 0,
        left: schedule.wanted,
        under_way: 0,
        held_until: 0,
        run: Run::default(),
    };
    model.run()
}

/// The most requests within any minute.
fn most_in_a_minute(times: impl Iterator<Item = i64>) -> u32 {
    let (mut minute, mut most) = (VecDeque::new(), 0);
    for time in times {
        minute.push_back(time);
        while minute
            .front()
            .is_some_and(|first| *first + WINDOW_MS <= time)
        {
            minute.pop_front();
        }
        most = most.max(minute.len());
    }
    u32::try_from(most).expect("few")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// A key of our own, with headers of any kind or none: never a 429, never more than our part in any minute.
    #[test]
    fn alone_it_is_never_refused(
        mut schedule in schedules(0).prop_filter("a limit that is told", |s| s.headers != Headers::None || s.limit >= 50),
    ) {
        schedule.new_limit = None;
        if schedule.headers == Headers::None {
            // What is assumed is what there is.
            schedule.limit = 1_000;
        }
        let run = run(&schedule);
        prop_assert!(run.ours.iter().all(|(_, refused)| !refused));
        let ours = schedule.limit - reserved(schedule.limit, schedule.share);
        prop_assert!(most_in_a_minute(run.ours.iter().map(|(time, _)| *time)) <= ours);
    }

    /// Whatever others do, and however the limit changes: our part is never exceeded in any minute, nothing is sent
    /// while a 429 holds, and everything gets through while there is room.
    #[test]
    fn beside_others_it_waits_and_never_hammers(schedule in schedules(150)) {
        let run = run(&schedule);
        prop_assert_eq!(run.sent_while_held, 0);
        let refused = run.ours.iter().filter(|(_, refused)| *refused).count();
        let minutes = usize::try_from(run.done_at / WINDOW_MS).expect("positive") + 1;
        // No more than those that were side by side run into one refusal, and then all wait.
        prop_assert!(refused <= minutes * (schedule.side_by_side + 1), "{refused} in {minutes} minutes");
        prop_assert_eq!(run.ours.len(), schedule.wanted + refused);
    }
}
