//! What Dover says, written to fields in Ashby: custom fields always, contact details where the settings carry them over.
//!
//! Every write here can be made twice. After a lost answer the next look shows what is there, and only what still differs is
//! written.

use std::collections::HashMap;

use serde_json::Value;

use super::{Added, Interrupted, Record, catalogue, failed, unread};
use crate::{
    ashby::{
        AshbyError, CandidateChange, Disposition, FieldObject, FieldValue, Location, SocialSite,
    },
    ids::CandidateId,
    plan::{
        Reason,
        fields::{
            About, Before, Catalogue, Held, MAP, Native, Object, Portrait, Question, Target,
            Variable, Verdict, Wanted, Write, decide, due, is_due as is_undecided,
        },
        settings::keys::CONTACT_UPDATES,
        situation::Registration,
    },
    store::{self, field::Written},
};

/// Whether there may be anything to write, as far as that can be told without reading anything.
pub(super) fn is_due(record: &Record<'_>) -> bool {
    let known = record.scene.fields.peek();
    match known.or_else(|| (!needs_catalogue(record)).then_some(&NO_FIELDS)) {
        Some(catalogue) => !wanted_of(record, catalogue).is_empty(),
        None => true,
    }
}

/// Writes what is due.
pub(super) async fn add(record: &Record<'_>) -> Result<Added, Interrupted> {
    let wanted = wanted(record).await?;
    let items = undecided(record, wanted).await?;
    if items.is_empty() {
        return Ok(Added::default());
    }
    let held = look(record, &items).await?;
    let judged: Vec<Judged> = items
        .into_iter()
        .filter_map(|item| judge(record, item, &held))
        .collect();
    let waits = judged.iter().find_map(Judged::problem);
    let judged: Vec<Judged> = judged
        .into_iter()
        .filter(|judged| judged.item.wanted.value.is_ok())
        .collect();
    let added = Writer { record, held }.write(judged).await?;
    Ok(Added { waits, ..added })
}

/// What would be written, in words, and why something would not. What the fields hold is not looked at.
pub(super) async fn foresee(record: &Record<'_>) -> Result<Added, Interrupted> {
    let wanted = wanted(record).await?;
    let items = undecided(record, wanted).await?.into_iter();
    // Whoever is created is given their contact details with it.
    let items = items.filter(|item| !(record.is_new && was_given(record, &item.wanted)));
    let mut added = Added::default();
    for item in items {
        let wanted = &item.wanted;
        let words = match &wanted.value {
            Ok(_) if record.is_new => named(wanted),
            Ok(_) => format!("{}, unless Ashby's own is to stay", named(wanted)),
            Err(reason) => {
                added.waits.get_or_insert_with(|| reason.clone());
                continue;
            }
        };
        added.take(words, key_of(wanted));
    }
    Ok(added)
}

/// A field that is to have a value, with what was decided of it before.
struct Item {
    wanted: Wanted,
    /// The id of what it is a field of.
    object: String,
    slot: String,
    digest: Vec<u8>,
    before: Option<(Before, Vec<u8>)>,
}

/// A field, and what is to become of it.
struct Judged {
    item: Item,
    verdict: Verdict,
    is_ours: bool,
}

impl Judged {
    fn problem(&self) -> Option<Reason> {
        self.item.wanted.value.as_ref().err().cloned()
    }
}

/// What Ashby holds.
#[derive(Default)]
struct Looked {
    /// The person, where a merge has put another in their place since.
    candidate: Option<CandidateId>,
    portrait: Portrait,
    /// By the id of the object and of the field.
    values: HashMap<(Object, String), Value>,
    changed_at: HashMap<Object, Option<chrono::DateTime<chrono::Utc>>>,
}

async fn wanted(record: &Record<'_>) -> Result<Vec<Wanted>, Interrupted> {
    if !needs_catalogue(record) {
        return Ok(wanted_of(record, &NO_FIELDS));
    }
    let catalogue = catalogue(record.scene, record.ashby).await?;
    Ok(wanted_of(record, &catalogue))
}

static NO_FIELDS: Catalogue = Catalogue(Vec::new());

/// Whether it matters which custom fields there are.
fn needs_catalogue(record: &Record<'_>) -> bool {
    let situation = &record.case.situation;
    let mut entries = situation.policy.fields().entries.iter();
    let mut placeless = [Variable::Title, Variable::Company].iter();
    placeless.any(|variable| variable.is_said(&situation.dover))
        || entries.any(|entry| matches!(entry.to, Target::Custom(_)))
}

fn wanted_of(record: &Record<'_>, catalogue: &Catalogue) -> Vec<Wanted> {
    let (situation, prospect) = (&record.case.situation, &record.case.prospect);
    let job_title = match &situation.registration {
        Registration::Registered(job) => job.title.as_str(),
        Registration::Unknown => "",
    };
    let about = About {
        dover: &situation.dover,
        candidate: prospect.dover_candidate_id.as_str(),
        job: prospect.dover_job_id.as_str(),
        job_title,
    };
    let policy = &situation.policy;
    due(policy.fields(), catalogue, &about, policy.updates_contact())
}

/// Those of which something else was decided before, or nothing.
async fn undecided(record: &Record<'_>, wanted: Vec<Wanted>) -> Result<Vec<Item>, Interrupted> {
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let (sync, connection) = (record.scene.sync, record.scene.connection);
    let objects = [record.candidate.0.clone(), record.application.0.clone()];
    let rows = store::field::written(&sync.pool, connection, &objects).await?;
    let rows: HashMap<(String, String), Written> = rows
        .into_iter()
        .map(|(object, row)| ((object, row.slot.clone()), row))
        .collect();
    let items = wanted.into_iter().map(|wanted| {
        let object = match wanted.object {
            Object::Candidate => record.candidate.0.clone(),
            Object::Application => record.application.0.clone(),
        };
        let hash = |value: &Value| digest(record, &wanted.target, value);
        let slot = wanted.part().map_or_else(
            || wanted.target.to_string(),
            |part| format!("{}#{}", wanted.target, hex::encode(&hash(&part)[..8])),
        );
        let plain = wanted
            .value
            .as_ref()
            .ok()
            .and_then(|value| wanted.plain(value));
        let digest = hash(&plain.unwrap_or_default());
        let before = rows.get(&(object.clone(), slot.clone())).map(|row| {
            let same_variable = row.variable == wanted.variable.to_string();
            let before = Before {
                said: row.said,
                is_same: row.digest == digest && same_variable && row.policy == wanted.policy,
                same_variable,
                is_ours: row.is_ours,
            };
            (before, row.digest.clone())
        });
        Item {
            wanted,
            object,
            slot,
            digest,
            before,
        }
    });
    let is_open = |item: &Item| {
        let before = item.before.as_ref().map(|(before, _)| *before);
        item.wanted.value.is_err() || is_undecided(item.wanted.policy, item.wanted.said, before)
    };
    Ok(items.filter(is_open).collect())
}

fn digest(record: &Record<'_>, target: &Target, plain: &Value) -> Vec<u8> {
    let (sync, connection) = (record.scene.sync, record.scene.connection);
    sync.vault
        .value_hash(connection, &target.to_string(), &plain.to_string())
}

/// Looks at what the fields hold. Of somebody whom this very decision has made, nothing has to be asked.
async fn look(record: &Record<'_>, items: &[Item]) -> Result<Looked, Interrupted> {
    let mut looked = Looked::default();
    if record.is_new {
        return Ok(looked);
    }
    let is_due = |object| items.iter().any(|item| item.wanted.object == object);
    let mut see = |object, values: Vec<FieldValue>, at| {
        let values = values.into_iter();
        looked
            .values
            .extend(values.map(|held| ((object, held.id.0), held.value)));
        looked.changed_at.insert(object, at);
    };
    if is_due(Object::Application) {
        let seen = record.ashby.application_info(&record.application).await;
        let seen = seen.map_err(unread)?;
        see(
            Object::Application,
            seen.custom_fields,
            Some(seen.updated_at),
        );
    }
    if is_due(Object::Candidate) {
        let seen = person(record).await?;
        see(
            Object::Candidate,
            seen.custom_fields.clone(),
            seen.updated_at,
        );
        looked.portrait = portrait(&seen);
        looked.candidate = (seen.id != record.candidate).then_some(seen.id);
    }
    Ok(looked)
}

/// The person; after a merge the survivor, to whom the application leads.
async fn person(record: &Record<'_>) -> Result<crate::ashby::Candidate, Interrupted> {
    match record.ashby.candidate_info(&record.candidate).await {
        Err(error) if error.is_not_found() => {
            let seen = record.ashby.application_info(&record.application).await;
            let survivor = seen.map_err(unread)?.candidate_id;
            let person = record.ashby.candidate_info(&survivor).await;
            person.map_err(unread)
        }
        person => person.map_err(unread),
    }
}

fn portrait(seen: &crate::ashby::Candidate) -> Portrait {
    let links = |site| seen.links_to(site).map(str::to_owned).collect();
    let part = |kind: &str| {
        let place = seen.location.as_ref()?;
        let mut parts = place.location_components.iter();
        let found = parts.find(|part| part.kind == kind)?;
        Some(found.name.clone())
    };
    Portrait {
        name: (!seen.name.is_empty()).then(|| seen.name.clone()),
        email: seen.primary_email.clone(),
        emails: seen.emails().map(str::to_owned).collect(),
        phone: seen.primary_phone.clone(),
        linkedin_urls: links(SocialSite::LinkedIn),
        github_urls: links(SocialSite::GitHub),
        website_urls: links(SocialSite::Website),
        location: seen.location.as_ref().map(|_| crate::plan::says::Location {
            city: part("City"),
            region: part("Region"),
            country: part("Country"),
        }),
    }
}

/// What is to become of a field. `None`: it cannot be written, and would not have been.
fn judge(record: &Record<'_>, item: Item, looked: &Looked) -> Option<Judged> {
    let wanted = &item.wanted;
    let held = match &wanted.target {
        // Whoever was created a moment ago was given all that there is.
        Target::Native(_) if record.is_new => {
            let plain = wanted
                .value
                .as_ref()
                .ok()
                .and_then(|value| wanted.plain(value));
            plain.filter(|_| was_given(record, wanted))
        }
        Target::Native(_) => wanted.held_by(&looked.portrait),
        Target::Custom(id) => {
            let held = looked.values.get(&(wanted.object, id.0.clone()));
            held.and_then(|held| wanted.plain(held))
        }
    };
    let Ok(value) = &wanted.value else {
        let is_moot = wanted.policy == Write::IfBlank && held.is_some();
        return (!is_moot).then_some(Judged {
            item,
            verdict: Verdict::Leave,
            is_ours: false,
        });
    };
    let plain = wanted.plain(value);
    let question = Question {
        policy: wanted.policy,
        is_careful: wanted.is_careful(),
        said: wanted.said,
        held: match (&held, &item.before) {
            (None, _) => Held::Blank,
            (held, _) if *held == plain => Held::Wanted,
            (Some(held), Some((_, before))) if digest(record, &wanted.target, held) == *before => {
                Held::Before
            }
            _ => Held::Other,
        },
        before: item.before.as_ref().map(|(before, _)| *before),
        changed_at: looked.changed_at.get(&wanted.object).copied().flatten(),
        is_new: record.is_new,
    };
    let verdict = decide(&question);
    Some(Judged {
        is_ours: question.is_ours(verdict),
        item,
        verdict,
    })
}

/// Whether a create gives this: what it takes from the variable that it is named after.
fn was_given(record: &Record<'_>, wanted: &Wanted) -> bool {
    let Target::Native(native) = &wanted.target else {
        return false;
    };
    let map = record.case.situation.policy.fields();
    native.identifies() || map.source_of(*native).as_ref() == Some(&wanted.variable)
}

struct Writer<'a> {
    record: &'a Record<'a>,
    held: Looked,
}

impl Writer<'_> {
    /// Writes what is to be written: one call for the custom fields of each object, one for contact details, and one more
    /// for each further address beyond the first. Keeps what was decided.
    async fn write(&self, judged: Vec<Judged>) -> Result<Added, Interrupted> {
        let (to_write, rest): (Vec<Judged>, Vec<Judged>) = judged
            .into_iter()
            .partition(|judged| judged.verdict == Verdict::Write);
        self.keep(&rest).await?;
        let mut added = Added::default();
        let mut wrote = |judged: &[Judged]| {
            for Judged { item, .. } in judged {
                added.take(named(&item.wanted), key_of(&item.wanted));
            }
        };
        let (native, custom): (Vec<Judged>, Vec<Judged>) = to_write
            .into_iter()
            .partition(|judged| matches!(judged.item.wanted.target, Target::Native(_)));
        for object in [Object::Candidate, Object::Application] {
            let of: Vec<&Judged> = custom
                .iter()
                .filter(|judged| judged.item.wanted.object == object)
                .collect();
            self.set_fields(object, &of).await?;
        }
        wrote(&custom);
        self.keep(&custom).await?;
        let (further, contact): (Vec<Judged>, Vec<Judged>) =
            native.into_iter().partition(|judged| {
                judged.item.wanted.target == Target::Native(Native::AlternateEmails)
            });
        self.set_contact(&contact, &further).await?;
        wrote(&contact);
        wrote(&further);
        added.wrote.dedup();
        self.keep(&contact).await?;
        self.keep(&further).await?;
        Ok(added)
    }

    fn candidate(&self) -> CandidateId {
        let survivor = self.held.candidate.clone();
        survivor.unwrap_or_else(|| self.record.candidate.clone())
    }

    async fn set_fields(&self, object: Object, fields: &[&Judged]) -> Result<(), Interrupted> {
        if fields.is_empty() {
            return Ok(());
        }
        let values = fields.iter().filter_map(|judged| {
            let wanted = &judged.item.wanted;
            match (&wanted.target, &wanted.value) {
                (Target::Custom(id), Ok(value)) => Some(FieldValue {
                    id: id.clone(),
                    value: value.clone(),
                }),
                _ => None,
            }
        });
        let values: Vec<FieldValue> = values.collect();
        let (of, id) = match object {
            Object::Candidate => (FieldObject::Candidate, self.candidate().0),
            Object::Application => (FieldObject::Application, self.record.application.0.clone()),
        };
        self.record.hold().await?;
        match self.record.ashby.set_fields(&of, &id, &values).await {
            Ok(()) => Ok(()),
            Err(error) => Err(self.refused(error).await?),
        }
    }

    /// What is refused may have been changed in Ashby since the fields were read: they are read again, once.
    async fn refused(&self, error: AshbyError) -> Result<Interrupted, Interrupted> {
        let (scene, prospect) = (self.record.scene, &self.record.case.prospect);
        let was_read_again = prospect.reason.as_deref() == Some("stale-id");
        if error.disposition() == Disposition::Permanent && !was_read_again {
            store::field::distrust(&scene.sync.pool, scene.connection).await?;
            let code = error.code.unwrap_or_else(|| "no code".to_owned());
            return Ok(Interrupted::For(Reason::StaleId { code }));
        }
        Ok(failed(error))
    }

    async fn set_contact(&self, contact: &[Judged], further: &[Judged]) -> Result<(), Interrupted> {
        let mut change = CandidateChange::of(self.candidate());
        for judged in contact {
            put(&mut change, &judged.item.wanted);
        }
        let mut further = further.iter();
        if let Some(first) = further.next() {
            put(&mut change, &first.item.wanted);
        } else if contact.is_empty() {
            return Ok(());
        }
        self.update(&change).await?;
        for one in further {
            let mut change = CandidateChange::of(self.candidate());
            put(&mut change, &one.item.wanted);
            self.update(&change).await?;
        }
        Ok(())
    }

    async fn update(&self, change: &CandidateChange) -> Result<(), Interrupted> {
        self.record.hold().await?;
        let done = self.record.ashby.update_candidate(change).await;
        done.map(drop).map_err(failed)
    }

    async fn keep(&self, judged: &[Judged]) -> Result<(), Interrupted> {
        if judged.is_empty() {
            return Ok(());
        }
        let scene = self.record.scene;
        let now = scene.sync.clock.now();
        let mut objects: HashMap<&str, Vec<Written>> = HashMap::new();
        for Judged { item, is_ours, .. } in judged {
            objects.entry(&item.object).or_default().push(Written {
                slot: item.slot.clone(),
                variable: item.wanted.variable.to_string(),
                policy: item.wanted.policy,
                digest: item.digest.clone(),
                said: item.wanted.said,
                is_ours: *is_ours,
            });
        }
        let mut tx = scene.fenced().await?;
        for (object, mut rows) in objects {
            // A list may name the same address twice.
            rows.sort_by(|one, other| one.slot.cmp(&other.slot));
            rows.dedup_by(|one, other| one.slot == other.slot);
            store::field::keep(&mut tx, scene.connection, object, &rows, now).await?;
        }
        tx.commit().await.map_err(store::StoreError::from)?;
        Ok(())
    }
}

/// The setting that has it written.
const fn key_of(wanted: &Wanted) -> &'static str {
    match wanted.target {
        Target::Native(_) => CONTACT_UPDATES,
        Target::Custom(_) => MAP,
    }
}

fn named(wanted: &Wanted) -> String {
    format!("the field \u{201c}{}\u{201d}", wanted.title)
}

/// Puts a value into the change of a candidate.
fn put(change: &mut CandidateChange, wanted: &Wanted) {
    let (Target::Native(native), Ok(value)) = (&wanted.target, &wanted.value) else {
        return;
    };
    let text = value.as_str().map(str::to_owned);
    match native {
        Native::Name => change.name = text,
        Native::Email => change.email = text,
        Native::AlternateEmails => change.alternate_email = text,
        Native::Phone => change.phone_number = text,
        Native::LinkedinUrl => change.linked_in_url = text,
        Native::GithubUrl => change.github_url = text,
        Native::WebsiteUrl => change.website_url = text,
        Native::Location => {
            let part = |name: &str| value[name].as_str().map(str::to_owned);
            change.location = Some(Location {
                city: part("city"),
                region: part("region"),
                country: part("country"),
            });
        }
    }
}
