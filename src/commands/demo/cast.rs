//! Who appears in the demo, what Dover says of each and when, and where each must stand in the end.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

/// The three jobs: Dover's id, title in Ashby.
pub(super) const JOBS: [(&str, &str); 3] = [
    ("job_eng", "Staff Engineer"),
    ("job_design", "Product Designer"),
    ("job_data", "Data Scientist"),
];

/// The job that is registered only between the two waves.
pub(super) const REGISTERED_LATE: &str = "job_data";

/// One thing that Dover says.
pub(super) struct Said {
    /// Before the first flush, or before the second.
    pub(super) wave: u8,
    /// How many minutes ago, by Dover's own clock.
    pub(super) minutes_ago: i64,
    pub(super) stage: Option<&'static str>,
    pub(super) status: &'static str,
    /// How often it is delivered, under the same id.
    pub(super) copies: u8,
}

const fn said(wave: u8, minutes_ago: i64, stage: &'static str) -> Said {
    Said {
        wave,
        minutes_ago,
        stage: Some(stage),
        status: "active",
        copies: 1,
    }
}

const fn over(wave: u8, minutes_ago: i64, status: &'static str) -> Said {
    Said {
        wave,
        minutes_ago,
        stage: None,
        status,
        copies: 1,
    }
}

/// Where somebody stands in Ashby.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stands {
    pub(super) stage: &'static str,
    pub(super) archive_reason: Option<&'static str>,
    /// Whether the application bears the source *Dover*: those that we made.
    pub(super) from_dover: bool,
}

const fn made(stage: &'static str) -> Stands {
    Stands {
        stage,
        archive_reason: None,
        from_dover: true,
    }
}

const fn archived(reason: &'static str) -> Stands {
    Stands {
        stage: "Archived",
        archive_reason: Some(reason),
        from_dover: true,
    }
}

const fn left(stage: &'static str) -> Stands {
    Stands {
        stage,
        archive_reason: None,
        from_dover: false,
    }
}

/// Whom Ashby knows before Dover says anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    /// Nobody.
    No,
    /// The person, by e-mail.
    ByEmail,
    /// The person, by LinkedIn profile.
    ByLinkedIn,
    /// The person with an application: its stage, and how many minutes ago it was last changed.
    Applied(&'static str, i64),
}

/// One prospect of the demo.
pub(super) struct Character {
    pub(super) name: &'static str,
    pub(super) job: &'static str,
    pub(super) known: Known,
    pub(super) says: &'static [Said],
    /// The reasons of its decisions, in order.
    pub(super) reasons: &'static [&'static str],
    /// Where it stands in the end; `None` for nowhere.
    pub(super) ends: Option<Stands>,
    /// Writes to Ashby that this takes at least.
    pub(super) writes: usize,
}

impl Character {
    pub(super) fn slug(&self) -> String {
        self.name.to_lowercase().replace(' ', "-")
    }

    pub(super) fn email(&self) -> String {
        format!("{}@example.com", self.slug())
    }

    pub(super) fn linkedin(&self) -> String {
        format!("https://www.linkedin.com/in/{}", self.slug())
    }

    /// The delivery of `said`, as Dover would send it at `now`.
    pub(super) fn delivery(&self, said: &Said, now: DateTime<Utc>) -> Value {
        let title = JOBS
            .iter()
            .find(|(id, _)| *id == self.job)
            .map(|(_, title)| *title);
        json!({
            "type": "candidate.stage_changed",
            "timestamp": now,
            "data": {
                "candidate": {
                    "id": format!("cand_{}", self.slug()), "name": self.name, "email": self.email(),
                    "linkedin_url": format!("{}/?trk=people", self.linkedin()),
                },
                "job": { "id": self.job, "title": title },
                "stage": said.stage, "status": said.status,
                "updated_at": now - TimeDelta::minutes(said.minutes_ago),
            }
        })
    }
}

/// Everyone.
pub(super) const CAST: [Character; 13] = [
    Character {
        name: "Ada Lovelace",
        job: "job_eng",
        known: Known::No,
        says: &[said(1, 60, "new_lead")],
        reasons: &["created"],
        ends: Some(made("New Lead")),
        writes: 2,
    },
    Character {
        name: "Evelyn Boyd",
        job: "job_eng",
        known: Known::No,
        says: &[said(1, 60, "Contacted")],
        reasons: &["created"],
        ends: Some(made("Reached Out")),
        writes: 2,
    },
    // Out of order and twice: the older word comes last and loses.
    Character {
        name: "Hedy Lamarr",
        job: "job_eng",
        known: Known::No,
        says: &[
            Said {
                copies: 2,
                ..said(1, 50, "replied")
            },
            said(1, 70, "reached_out"),
        ],
        reasons: &["created"],
        ends: Some(made("Replied")),
        writes: 2,
    },
    Character {
        name: "Mary Jackson",
        job: "job_eng",
        known: Known::No,
        says: &[said(1, 60, "interviewing")],
        reasons: &["created"],
        ends: Some(made("Phone Screen")),
        writes: 2,
    },
    Character {
        name: "Grace Hopper",
        job: "job_eng",
        known: Known::ByEmail,
        says: &[said(1, 60, "reached_out")],
        reasons: &["created"],
        ends: Some(made("Reached Out")),
        writes: 1,
    },
    Character {
        name: "Alan Turing",
        job: "job_design",
        known: Known::ByLinkedIn,
        says: &[said(1, 60, "replied")],
        reasons: &["created"],
        ends: Some(made("Replied")),
        writes: 1,
    },
    Character {
        name: "Dorothy Vaughan",
        job: "job_design",
        known: Known::No,
        says: &[said(1, 60, "new_lead"), said(2, 5, "replied")],
        reasons: &["created", "moved-forward"],
        ends: Some(made("Replied")),
        writes: 3,
    },
    Character {
        name: "Barbara Liskov",
        job: "job_design",
        known: Known::No,
        says: &[said(1, 60, "new_lead"), over(2, 5, "withdrew")],
        reasons: &["created", "withdrew-in-dover"],
        ends: Some(archived("Withdrew in Dover")),
        writes: 3,
    },
    Character {
        name: "Frances Allen",
        job: "job_design",
        known: Known::No,
        says: &[said(1, 60, "replied"), over(2, 5, "rejected")],
        reasons: &["created", "rejected-in-dover"],
        ends: Some(archived("Rejected in Dover")),
        writes: 3,
    },
    Character {
        name: "Katherine Johnson",
        job: "job_eng",
        known: Known::Applied("Replied", 10),
        says: &[said(1, 60, "interviewing")],
        reasons: &["ashby-is-newer"],
        ends: Some(left("Replied")),
        writes: 0,
    },
    Character {
        name: "Margaret Hamilton",
        job: "job_eng",
        known: Known::Applied("Onsite", 180),
        says: &[said(1, 60, "replied")],
        reasons: &["not-forward"],
        ends: Some(left("Onsite")),
        writes: 0,
    },
    Character {
        name: "Radia Perlman",
        job: REGISTERED_LATE,
        known: Known::No,
        says: &[said(1, 60, "replied")],
        reasons: &["job-not-registered", "created"],
        ends: Some(made("Replied")),
        writes: 2,
    },
    Character {
        name: "Joan Clarke",
        job: "job_design",
        known: Known::No,
        says: &[over(1, 60, "withdrew")],
        reasons: &["nothing-to-archive"],
        ends: None,
        writes: 0,
    },
];
