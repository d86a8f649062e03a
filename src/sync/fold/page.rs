//! A page of deliveries on the way into their prospects: which of their bodies have to be read, and what comes of it.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::{DateTime, SubsecRound, Utc};
use serde_json::{Value, json};

use super::Aliases;
use crate::{
    dover::payload::{self, Delivery, Document, Kind, PayloadPaths},
    ids::{DoverCandidateId, DoverJobId, ProspectId},
    plan::{
        notes::Event,
        outline::telling,
        says::{DoverSays, Stamp},
    },
    store::{
        fold::Who,
        inbox::{Body, Queued, Taken},
        note::{EventKey, Told},
    },
    sync::merge::Said,
};

/// Bodies that are read at once, and how many bytes of them: one may be a thousand times as large as most are.
const AT_ONCE: usize = 1_000;
const BYTES_AT_ONCE: usize = 16 << 20;

/// What a body is taken to have whose length is not known: the most that it may.
const MOST_OCTETS: usize = 1 << 20;

/// News of one prospect within a page: the fold of its deliveries, which those are, and what happened.
#[derive(Default)]
pub(super) struct News {
    pub(super) said: Said,
    pub(super) activities: Vec<Happened>,
}

/// An activity that a note may be written upon.
pub(super) struct Happened {
    key: EventKey,
    event: Event,
    at: DateTime<Utc>,
    delivery: i64,
    said_at: DateTime<Utc>,
}

/// What of a page has to be read, and what was made of it so far.
pub(super) struct Page {
    news: BTreeMap<Who, News>,
    /// Each with the length of its body.
    to_be_read: Vec<(i64, usize)>,
    /// Of those, whose news they are where that is known.
    whose: HashMap<i64, Who>,
    /// Those of which everything is said later, each with the length of its body.
    unread: HashMap<Who, Vec<(i64, usize)>>,
    /// Who has some of them read after all: what was to say it later does not.
    overshadowed: HashSet<Who>,
    /// Of those whose news they are is to be read too: since when they wait.
    waits_since: HashMap<i64, DateTime<Utc>>,
    unreadable: Vec<(i64, Value)>,
}

impl Page {
    /// What of `taken` has to be read by the paths of the fingerprint `read_by`: what was read by others when it came, and
    /// what says something that nothing later says.
    pub(super) fn of(taken: Vec<Taken>, read_by: i32, aliases: &Aliases) -> Self {
        let mut page = Self {
            news: BTreeMap::new(),
            to_be_read: Vec::new(),
            whose: HashMap::new(),
            unread: HashMap::new(),
            overshadowed: HashSet::new(),
            waits_since: HashMap::new(),
            unreadable: Vec::new(),
        };
        for taken in taken {
            page.take(taken, read_by, aliases);
        }
        page
    }

    fn take(&mut self, taken: Taken, read_by: i32, aliases: &Aliases) {
        let job = taken.job.map(|job| same_job(job, aliases));
        let is_known = |delivery: &Queued| {
            job.is_some() && delivery.reading.is_some_and(|(_, by)| by == read_by)
        };
        let (known, unknown): (Vec<_>, Vec<_>) = taken.deliveries.into_iter().partition(is_known);
        for delivery in unknown {
            self.to_be_read.push((delivery.id, octets(&delivery)));
            self.waits_since.insert(delivery.id, delivery.waits_since);
        }
        let Some(who) = job
            .map(|job| (taken.candidate, job))
            .filter(|_| !known.is_empty())
        else {
            return;
        };
        let outlines = known.iter().filter_map(|delivery| delivery.reading);
        let telling: HashSet<i64> = telling(outlines.map(|(outline, _)| outline).collect())
            .into_iter()
            .collect();
        for delivery in &known {
            let body = (delivery.id, octets(delivery));
            if telling.contains(&delivery.id) {
                self.to_be_read.push(body);
                self.whose.insert(delivery.id, who.clone());
            } else {
                self.unread.entry(who.clone()).or_default().push(body);
            }
        }
        let waiting = &mut self.news.entry(who).or_default().said.waiting;
        for delivery in known {
            waiting.take(delivery.id, delivery.waits_since);
        }
    }

    /// What has to be read, so much at once as is no burden; again until there is nothing, for what is read may turn out to say
    /// less than it did.
    pub(super) fn slices(&mut self) -> Vec<Vec<i64>> {
        for who in std::mem::take(&mut self.overshadowed) {
            for body in self.unread.remove(&who).unwrap_or_default() {
                self.to_be_read.push(body);
                self.whose.insert(body.0, who.clone());
            }
        }
        sliced(&std::mem::take(&mut self.to_be_read))
    }

    /// Takes in what bodies say.
    pub(super) fn read(&mut self, bodies: &[Body], paths: &PayloadPaths, aliases: &Aliases) {
        for body in bodies {
            let read = self.read_one(body, paths, aliases);
            if let Some(who) = self.whose.get(&body.id)
                && (body.is_erased || read.is_err())
            {
                self.overshadowed.insert(who.clone());
            }
            if let Err(faults) = read {
                self.unreadable.push((body.id, faults));
            }
        }
    }

    fn read_one(
        &mut self,
        body: &Body,
        paths: &PayloadPaths,
        aliases: &Aliases,
    ) -> Result<(), Value> {
        let Read {
            about,
            says,
            happened,
        } = read(body, paths).map_err(|faults| json!(faults))?;
        let news = if let Some(who) = self.whose.get(&body.id) {
            self.news.entry(who.clone()).or_default()
        } else {
            let nobody = || json!([{ "pointer": "", "detail": "it is about nobody" }]);
            let (candidate, job) = about.ok_or_else(nobody)?;
            let who = (candidate, same_job(job, aliases));
            let news = self.news.entry(who).or_default();
            let since = self.waits_since.get(&body.id).copied();
            news.said
                .waiting
                .take(body.id, since.unwrap_or(body.received_at));
            news
        };
        news.said.says.fold(says);
        news.activities.extend(happened);
        Ok(())
    }

    /// What is news of whom, and which deliveries do not read, with what is wrong with each.
    pub(super) fn come_to(mut self) -> (BTreeMap<Who, News>, Vec<(i64, Value)>) {
        let unreadable = std::mem::take(&mut self.unreadable);
        for (delivery, _) in &unreadable {
            if let Some(who) = self.whose.remove(delivery) {
                self.leave_out(&who, *delivery);
            }
        }
        (self.news, unreadable)
    }

    /// A delivery of somebody does not read after all: whatever else there is of them counts.
    fn leave_out(&mut self, who: &Who, delivery: i64) {
        let Some(news) = self.news.get_mut(who) else {
            return;
        };
        news.said.waiting.leave_out(delivery);
        if news.said.waiting.deliveries.is_empty() {
            self.news.remove(who);
        }
    }
}

/// Bodies, so many at once as are no burden.
fn sliced(bodies: &[(i64, usize)]) -> Vec<Vec<i64>> {
    let mut slices: Vec<Vec<i64>> = Vec::new();
    let mut bytes = 0;
    for (id, octets) in bodies {
        bytes += octets;
        match slices.last_mut() {
            Some(slice) if slice.len() < AT_ONCE && bytes <= BYTES_AT_ONCE => slice.push(*id),
            _ => {
                slices.push(vec![*id]);
                bytes = *octets;
            }
        }
    }
    slices
}

fn octets(delivery: &Queued) -> usize {
    delivery.octets.unwrap_or(MOST_OCTETS)
}

/// The job under the id that it is registered by.
fn same_job(job: DoverJobId, aliases: &Aliases) -> DoverJobId {
    aliases.get(job.as_str()).cloned().unwrap_or(job)
}

/// A delivery as it was read.
struct Read {
    about: Option<Who>,
    says: DoverSays,
    happened: Option<Happened>,
}

/// What a delivery says, and of whom. One that was emptied says nothing, and is still about somebody.
fn read(delivery: &Body, paths: &PayloadPaths) -> Result<Read, Vec<payload::Fault>> {
    if delivery.is_erased {
        let candidate = delivery.dover_candidate_id.clone().map(DoverCandidateId);
        let job = delivery.dover_job_id.clone().map(DoverJobId);
        return Ok(Read {
            about: candidate.zip(job),
            says: DoverSays::default(),
            happened: None,
        });
    }
    let document = Document::of(&delivery.body);
    let read = document.read(paths)?;
    let about = read.about();
    Ok(Read {
        about: about.map(|(candidate, job)| (candidate.clone(), job.clone())),
        says: read.says(delivery.received_at, delivery.id),
        happened: Happened::read(&read, delivery),
    })
}

impl Happened {
    /// The activity that a delivery tells of, where it is of a kind that we know. One that is to come counts as of the time
    /// of receipt.
    fn read(read: &Delivery<'_>, delivery: &Body) -> Option<Self> {
        let Kind::Activity(activity) = &read.kind else {
            return None;
        };
        let stamp = Stamp::new(read.updated_at?, delivery.received_at, delivery.id);
        Some(Self {
            key: EventKey::activity(&activity.id),
            event: Event::of_activity(activity.kind.word())?,
            at: activity.at.min(delivery.received_at).trunc_subsecs(6),
            delivery: delivery.id,
            said_at: stamp.at,
        })
    }

    pub(super) fn of(self, prospect: ProspectId) -> Told {
        let Self {
            key,
            event,
            at,
            delivery,
            said_at,
        } = self;
        Told {
            prospect,
            key,
            event,
            at,
            delivery,
            said_at,
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use crate::{
        dover::payload::example,
        plan::outline::Outline,
        store::inbox::{Queued, Taken},
    };

    fn at(minute: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::days(20_000) + TimeDelta::minutes(minute)
    }

    fn told(minute: i64) -> Vec<u8> {
        let mut delivery = example();
        delivery["data"]["updated_at"] = json!(at(minute));
        delivery["data"]["candidate"]["name"] = json!(format!("Ada {minute}"));
        delivery.to_string().into_bytes()
    }

    fn body(id: i64, body: Vec<u8>) -> Body {
        Body {
            id,
            received_at: at(60),
            is_erased: body.is_empty(),
            body,
            dover_candidate_id: Some("cand_8f2c".to_owned()),
            dover_job_id: Some("job_42".to_owned()),
        }
    }

    /// Two deliveries that say the same things, the first of them later.
    fn two() -> (Page, PayloadPaths, Aliases) {
        let paths = PayloadPaths::default();
        let body = told(0);
        let statements = Document::of(&body).read(&paths).unwrap().statements();
        let queued = [(1, 30), (2, 20)].map(|(id, minute)| Queued {
            id,
            waits_since: at(60),
            reading: Some((
                Outline {
                    arrival: id,
                    said_at: at(minute),
                    statements,
                },
                paths.fingerprint(),
            )),
            octets: Some(1_000),
        });
        let taken = Taken {
            candidate: "cand_8f2c".into(),
            job: Some("job_42".into()),
            deliveries: queued.into(),
        };
        let aliases = Aliases::new();
        let page = Page::of(vec![taken], paths.fingerprint(), &aliases);
        (page, paths, aliases)
    }

    fn name(page: Page) -> (Option<String>, Vec<i64>) {
        let (news, _) = page.come_to();
        let (_, news) = news.into_iter().next().unwrap();
        let name = news.said.says.contact.name.map(|said| said.value);
        (name, news.said.waiting.deliveries)
    }

    #[test]
    fn of_two_that_say_the_same_the_later_is_read_and_both_wait() {
        let (mut page, paths, aliases) = two();
        assert_eq!(page.slices(), [[1]]);
        page.read(&[body(1, told(30))], &paths, &aliases);
        assert!(page.slices().is_empty());
        assert_eq!(name(page), (Some("Ada 30".to_owned()), vec![1, 2]));
    }

    #[test]
    fn what_was_emptied_meanwhile_hides_nothing_that_was_said_before() {
        let (mut page, paths, aliases) = two();
        assert_eq!(page.slices(), [[1]]);
        page.read(&[body(1, Vec::new())], &paths, &aliases);
        assert_eq!(page.slices(), [[2]]);
        page.read(&[body(2, told(20))], &paths, &aliases);
        assert!(page.slices().is_empty());
        assert_eq!(name(page), (Some("Ada 20".to_owned()), vec![1, 2]));
    }

    #[test]
    fn what_no_longer_reads_hides_nothing_and_does_not_wait() {
        let (mut page, paths, aliases) = two();
        page.slices();
        page.read(&[body(1, b"{".to_vec())], &paths, &aliases);
        assert_eq!(page.slices(), [[2]]);
        page.read(&[body(2, told(20))], &paths, &aliases);
        assert_eq!(name(page), (Some("Ada 20".to_owned()), vec![2]));
    }
}
