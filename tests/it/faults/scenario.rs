//! One working day of everything that can happen to a prospect: forty of them in one flush, and news of most of them
//! afterwards. The same each time it is played.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use crate::app::{Person, TestApp};

/// Three jobs are registered; of `job_45` nobody has heard.
const JOBS: [(&str, &str); 3] = [
    ("job_42", "Staff Engineer"),
    ("job_43", "Designer"),
    ("job_44", "Analyst"),
];

/// Who is new to Ashby, by what they can be recognised by, and where Dover says they are.
const NEW: [(&str, Known, &str); 10] = [
    ("Nora Both", Known::Both, "new_lead"),
    ("Noel Both", Known::Both, "reached_out"),
    ("Nina Both", Known::Both, "replied"),
    ("Nils Both", Known::Both, "interviewing"),
    ("Edda Mail", Known::Address, "new_lead"),
    ("Emil Mail", Known::Address, "replied"),
    ("Enno Mail", Known::Address, "interviewing"),
    ("Lena Link", Known::Profile, "new_lead"),
    ("Lars Link", Known::Profile, "interested"),
    ("Lucy Link", Known::Profile, "interviewing"),
];

/// Who is in Ashby without an application.
const STRANGERS: [(&str, Known, &str); 4] = [
    ("Kaja Known", Known::Address, "new_lead"),
    ("Karl Known", Known::Address, "replied"),
    ("Kira Known", Known::Profile, "reached_out"),
    ("Kurt Known", Known::Profile, "interviewing"),
];

/// Who was carried over before, and where Dover says they have come to.
const MOVED: [(&str, &str); 5] = [
    ("Mara Moved", "reached_out"),
    ("Mats Moved", "replied"),
    ("Mila Moved", "interested"),
    ("Milo Moved", "interviewing"),
    ("Mona Moved", "interviewing"),
];

/// Who was carried over before, and what Dover's news comes to without anything being written.
const STILL: [(&str, &str); 2] = [("Sara Still", "new_lead"), ("Sven Still", "reached_out")];

/// Who was carried over before, and has left in Dover.
const LEFT: [(&str, &str); 3] = [
    ("Wanda Left", "withdrew"),
    ("Wim Left", "rejected"),
    ("Willa Left", "withdrew"),
];

/// Who was carried over before; a recruiter does this to them after Dover's news and before it is carried over.
const HELD: [(&str, &str, &str); 4] = [
    ("Hanna Held", "move", "interviewing"),
    ("Hugo Held", "archive", "interviewing"),
    ("Heidi Held", "hire", "interviewing"),
    ("Horst Held", "move", "replied"),
];

/// What somebody can be recognised by.
#[derive(Clone, Copy)]
enum Known {
    Both,
    Address,
    Profile,
}

fn person(name: &str, known: Known) -> Person {
    let person = Person::new(name);
    let part = |field: &str| json!({ field: person.contact[field] });
    let contact = match known {
        Known::Both => return person,
        Known::Address => part("email"),
        Known::Profile => part("linkedin_url"),
    };
    person.with(contact)
}

/// One person who is two prospects: as Dover knows them on two jobs, and as two people whom only the profile joins.
fn twice() -> [Person; 4] {
    let (zoe, ugo) = (
        Person::new("Zoe Twice"),
        person("Ugo Twice", Known::Profile),
    );
    let mut other = ugo.clone().on("job_44");
    "cand_ugo_again".clone_into(&mut other.id);
    [zoe.clone(), zoe.on("job_43"), ugo.on("job_43"), other]
}

/// Who waits for a person, each for another reason; the last one matches two candidates.
fn parked() -> [(Person, &'static str); 4] {
    [
        (Person::new("Pam Parked").on("job_45"), "replied"),
        (Person::new("Pia Parked"), "limbo"),
        (Person::new("Per Parked").with(json!({})), "replied"),
        (Person::new("Pit Parked"), "replied"),
    ]
}

/// The day up to the flush: who was carried over before, what Dover has said since, and what recruiters have done.
/// Answers when Dover said it.
pub(super) async fn until_the_flush() -> (TestApp, DateTime<Utc>) {
    let app = TestApp::connected().await;
    let mut jobs = Vec::new();
    for (dover_job_id, title) in JOBS {
        jobs.push(app.register(dover_job_id, title).await);
    }
    let before = MOVED.iter().chain(&LEFT).chain(&STILL);
    let held = HELD.iter().map(|(name, ..)| name);
    for name in before.map(|(name, _)| name).chain(held) {
        app.says(&Person::new(name), "new_lead").await;
    }
    app.flush_to_rest().await;
    meet_people(&app, &jobs[0]).await;
    app.wait(61);
    let said_at = app.now();
    say_the_news(&app).await;
    app.wait(1);
    recruit(&app).await;
    app.wait(9);
    (app, said_at)
}

/// The hiring team has people of its own, two of them with an application.
async fn meet_people(app: &TestApp, job: &Value) {
    for (name, known, _) in STRANGERS {
        let contact = person(name, known).contact;
        let address = contact["email"].as_str().map(str::to_uppercase);
        let body =
            json!({ "name": name, "email": address, "linkedInUrl": contact["linkedin_url"] });
        app.sim("candidates", body).await;
    }
    for _ in 0..2 {
        let body = json!({ "name": "Pit Parked", "email": "pit-parked@example.com" });
        app.sim("candidates", body).await;
    }
    for (name, stage) in [("Ada Applied", "New Lead"), ("Axel Applied", "Offer")] {
        let email = Person::new(name).contact["email"].clone();
        let who = app
            .sim("candidates", json!({ "name": name, "email": email }))
            .await;
        let body = json!({ "candidateId": who["id"], "jobId": job["id"], "stage": stage });
        app.sim("applications", body).await;
    }
}

async fn say_the_news(app: &TestApp) {
    for (name, known, stage) in NEW.into_iter().chain(STRANGERS) {
        app.says(&person(name, known), stage).await;
    }
    let moved = MOVED.into_iter().chain(STILL);
    let held = HELD.map(|(name, _, stage)| (name, stage));
    let applied = [("Ada Applied", "replied"), ("Axel Applied", "replied")];
    for (name, stage) in moved.chain(held).chain(applied) {
        app.says(&Person::new(name), stage).await;
    }
    let over = [("Olaf Over", "withdrew"), ("Olga Over", "snoozed")];
    for (name, status) in LEFT.into_iter().chain(over) {
        app.says_status(&Person::new(name), status).await;
    }
    for who in twice() {
        app.says(&who, "replied").await;
    }
    for (who, stage) in parked() {
        app.says(&who, stage).await;
    }
}

async fn recruit(app: &TestApp) {
    for (name, deed, _) in HELD {
        let body = if deed == "move" {
            json!({ "stage": "Onsite" })
        } else {
            json!({})
        };
        app.recruiter(deed, &app.application(name).await, body)
            .await;
    }
    let left = app.application(LEFT[2].0).await;
    app.recruiter("archive", &left, json!({})).await;
}

/// More news, of some of everybody, said at `at`: later than the news that was carried over, and earlier than it was. It
/// counts only if nothing of our own writes, and of what became of them, is taken for somebody else's change.
pub(super) async fn say_more(app: &TestApp, at: DateTime<Utc>) {
    let new = [0, 2, 4, 7, 8].map(|place| NEW[place]);
    for (name, known, _) in new.into_iter().chain([STRANGERS[0]]) {
        app.says_at(&person(name, known), "interviewing", at).await;
    }
    let others = [MOVED[0].0, MOVED[1].0, HELD[0].0, LEFT[1].0, "Ada Applied"];
    for name in others {
        app.says_at(&Person::new(name), "interviewing", at).await;
    }
    for who in &twice()[..3] {
        app.says_at(who, "interviewing", at).await;
    }
}
