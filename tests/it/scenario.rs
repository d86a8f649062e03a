//! A day at an employer: 40 prospects in every situation that a flush knows, and what is in Ashby before. For tests that
//! break something in the middle and want the same end.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use crate::app::Person;

/// The two jobs: Dover's id, Ashby's id, title.
pub(crate) const JOBS: [(&str, &str, &str); 2] = [
    (
        "job_42",
        "00000000-0000-4000-8000-000000000042",
        "Staff Engineer",
    ),
    ("job_43", "00000000-0000-4000-8000-000000000043", "Designer"),
];

/// What happens, and before which background.
pub(crate) struct Scenario {
    /// What is in Ashby: control path and body, to be done in this order.
    pub(crate) background: Vec<(String, Value)>,
    /// What Dover says, in this order.
    pub(crate) deliveries: Vec<Value>,
}

/// Writes the scenario.
struct Author {
    scenario: Scenario,
    now: DateTime<Utc>,
}

impl Scenario {
    /// The scenario as of `now`. What Dover says is from an hour before.
    pub(crate) fn as_of(now: DateTime<Utc>) -> Self {
        let mut author = Author {
            scenario: Self {
                background: Vec::new(),
                deliveries: Vec::new(),
            },
            now,
        };
        author.setup();
        author.strangers();
        author.people_with_two_jobs();
        author.known_people();
        author.touched_by_recruiters();
        author.nothing_to_do();
        author.scenario
    }
}

impl Author {
    fn setup(&mut self) {
        self.has(
            "sources",
            json!({ "title": "Dover", "sourceType": "Sourced" }),
        );
        self.has("archive-reasons", json!({ "text": "Withdrew in Dover" }));
        self.has("archive-reasons", json!({ "text": "Rejected in Dover" }));
        for (_, id, title) in JOBS {
            self.has("jobs", json!({ "id": id, "title": title }));
        }
    }

    /// Fourteen who are new to Ashby.
    fn strangers(&mut self) {
        let stages = [
            "new_lead",
            "reached_out",
            "replied",
            "interested",
            "interviewing",
        ];
        for number in 0..14 {
            let mut who = Person::new(&format!("Stranger {number}"));
            if number % 5 == 3 {
                who = who.with(json!({ "email": format!("stranger-{number}@example.com") }));
            }
            if number % 5 == 4 {
                who = who
                    .with(json!({ "linkedin_url": format!("linkedin.com/in/stranger-{number}") }));
            }
            self.says(&who, json!({ "stage": stages[number % stages.len()] }));
        }
    }

    /// Four people, each on both jobs; one of them under two names of Dover's.
    fn people_with_two_jobs(&mut self) {
        for number in 0..4 {
            let who = Person::new(&format!("Twice {number}"));
            self.says(&who, json!({ "stage": "replied" }));
            let mut again = who.on(JOBS[1].0);
            if number == 3 {
                "cand_twice-3-again".clone_into(&mut again.id);
            }
            self.says(&again, json!({ "stage": "reached_out" }));
        }
    }

    /// Eleven whom Ashby knows: some are moved on, some are archived, some have no application yet.
    fn known_people(&mut self) {
        for number in 0..4 {
            let who = Person::new(&format!("Moves {number}"));
            self.applied(20 + number, &who, "New Lead");
            let stage = if number % 2 == 0 {
                "replied"
            } else {
                "interviewing"
            };
            self.says(&who, json!({ "stage": stage }));
        }
        for number in 0..4 {
            let who = Person::new(&format!("Leaves {number}"));
            self.applied(30 + number, &who, "Reached Out");
            let status = if number % 2 == 0 {
                "withdrew"
            } else {
                "rejected"
            };
            self.says(&who, json!({ "status": status }));
        }
        for number in 0..3 {
            let who = Person::new(&format!("Match {number}"));
            self.known(40 + number, &who);
            self.says(&who, json!({ "stage": "replied" }));
        }
    }

    /// Five of whom a recruiter has decided since Dover said what it says.
    fn touched_by_recruiters(&mut self) {
        let at = self.now - TimeDelta::minutes(30);
        for (number, deed, body) in [
            (0, "move", json!({ "stage": "Reached Out", "at": at })),
            (1, "move", json!({ "stage": "Onsite", "at": at })),
            (2, "archive", json!({ "at": at })),
            (3, "hire", json!({ "at": at })),
            (4, "move", json!({ "stage": "Replied", "at": at })),
        ] {
            let who = Person::new(&format!("Decided {number}"));
            self.applied(50 + number, &who, "New Lead");
            let path = format!("applications/{}/{deed}", id("a", 50 + number));
            self.has(&path, body);
            let change = if number == 4 {
                json!({ "status": "rejected" })
            } else {
                json!({ "stage": "interviewing" })
            };
            self.says(&who, change);
        }
    }

    /// Two of whom nothing is to be carried over.
    fn nothing_to_do(&mut self) {
        self.says(&Person::new("Gone"), json!({ "status": "withdrew" }));
        let elsewhere = Person::new("Elsewhere").on("job_unknown");
        self.says(&elsewhere, json!({ "stage": "replied" }));
    }

    fn has(&mut self, path: &str, body: Value) {
        self.scenario.background.push((path.to_owned(), body));
    }

    /// Ashby knows them since yesterday.
    fn known(&mut self, number: u8, who: &Person) {
        let at = self.now - TimeDelta::hours(24);
        let body = json!({ "id": id("c", number), "name": who.name, "email": who.contact["email"], "at": at });
        self.has("candidates", body);
    }

    /// They have an application for the first job since three hours.
    fn applied(&mut self, number: u8, who: &Person, stage: &str) {
        self.known(number, who);
        let at = self.now - TimeDelta::hours(3);
        let body = json!({ "id": id("a", number), "candidateId": id("c", number), "jobId": JOBS[0].1, "stage": stage,
                           "at": at });
        self.has("applications", body);
    }

    fn says(&mut self, who: &Person, mut change: Value) {
        change["updated_at"] = json!(self.now - TimeDelta::hours(1));
        self.scenario.deliveries.push(who.change(change));
    }
}

/// An id of Ashby's: `c` for candidates, `a` for applications.
fn id(kind: &str, number: u8) -> String {
    format!("00000000-0000-4000-8000-{kind}000000000{number:02}")
}

/// What the world comes to, whatever the order of things and the ids: each candidate with all of their applications, and
/// how often there is one like that.
pub(crate) fn outcome(world: &Value) -> Vec<Value> {
    let all = |what: &str| world[what].as_array().cloned().unwrap_or_default();
    let applications = all("applications");
    let mut people: Vec<Value> = all("candidates")
        .iter()
        .map(|person| {
            let theirs = applications.iter().filter(|one| one["candidateId"] == person["id"]);
            let mut theirs: Vec<Value> = theirs
                .map(|one| {
                    json!({ "job": one["job"], "stage": one["stage"], "status": one["status"],
                            "archiveReason": one["archiveReason"], "source": one["source"] })
                })
                .collect();
            theirs.sort_by_key(Value::to_string);
            json!({ "name": person["name"], "emails": person["emails"], "links": person["socialLinks"],
                    "source": person["source"], "applications": theirs })
        })
        .collect();
    people.sort_by_key(Value::to_string);
    people
}
