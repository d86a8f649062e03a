//! Rules 6, 7 and 12: whether an application is created, for whom, where and with which source.

use std::collections::HashSet;

use super::{
    action::{CandidateRef, NewPerson, Plan, Step},
    credit::Credit,
    fields::{FieldMap, Native},
    identity::{IdentityKey, linkedin_address, linkedin_slug},
    policy::Policy,
    reason::Reason,
    says::{Contact, Dated, DoverSays},
    situation::{Job, Setup, SourceSetup},
    stages,
    standing::Standing,
};
use crate::ids::{CandidateId, SourceId};

/// Decides on a prospect without an application. `known` is the person where Ashby has them already.
pub(super) fn create(
    dover: &DoverSays,
    standing: Standing<'_>,
    job: &Job,
    known: Option<&CandidateId>,
    (setup, policy, credit): (&Setup, &Policy, &Credit),
) -> Result<Plan, Reason> {
    let (stage, name) = match standing {
        Standing::Over(departure, _) => return Err(Reason::NothingToArchive(departure)),
        Standing::Held(status, _) if policy.stage_of(status).is_some() => {
            return Err(Reason::NoApplicationFor(status));
        }
        Standing::Held(status, _) => return Err(Reason::HeldStatus(status)),
        Standing::Pursued { stage, name, .. } => (stage, name),
    };
    let trigger = policy.trigger();
    if !trigger.is_reached(dover) {
        return Err(Reason::WaitingForTrigger {
            trigger,
            known: false,
        });
    }
    let map = policy.fields();
    let missing = map.missing(dover);
    let person = match known {
        None => Some(new_person(dover, map, missing)?),
        Some(_) if missing.is_empty() => None,
        Some(_) => return Err(Reason::MandatoryFieldMissing(missing)),
    };
    let stage = stages::target(stage, name, policy, &job.stages)?;
    let source = source(setup)?;

    let mut steps = Vec::new();
    if let Some(person) = person {
        steps.push(Step::CreateCandidate {
            person,
            source: source.clone(),
            credited_to: credit.user.clone(),
        });
    }
    steps.push(Step::CreateApplication {
        candidate: known
            .cloned()
            .map_or(CandidateRef::JustCreated, CandidateRef::Known),
        job: job.ashby_job_id.clone(),
        stage: stage.id.clone(),
        source,
        credited_to: credit.user.clone(),
    });
    let because = Reason::Created {
        stage: stage.title.clone(),
        known: known.is_some(),
    };
    let credit = credit.clone();
    Ok(Plan {
        credit,
        ..Plan::of(steps, because)
    })
}

fn source(setup: &Setup) -> Result<SourceId, Reason> {
    match &setup.source {
        SourceSetup::Found(id) => Ok(id.clone()),
        SourceSetup::Missing => Err(Reason::SourceMissing),
        SourceSetup::Ambiguous => Err(Reason::SourceAmbiguous),
    }
}

/// What is missing before anybody can be looked up or created.
pub(super) fn missing(contact: &Contact) -> Vec<String> {
    let mut missing = Vec::new();
    if contact
        .name
        .as_ref()
        .is_none_or(|said| said.value.trim().is_empty())
    {
        missing.push("a name (candidate.name)".to_owned());
    }
    if super::identity::keys(contact).is_empty() {
        missing.push(
            "an e-mail address or a LinkedIn profile (candidate.email or candidate.linkedin_url)"
                .to_owned(),
        );
    }
    missing
}

/// `also` is what the settings ask for and Dover does not say.
fn new_person(dover: &DoverSays, map: &FieldMap, also: Vec<String>) -> Result<NewPerson, Reason> {
    let contact = &dover.contact;
    let mut missing = missing(contact);
    missing.extend(also);
    let Some(name) = value(contact.name.as_ref()).filter(|_| missing.is_empty()) else {
        return Err(Reason::MandatoryFieldMissing(missing));
    };
    // A value that does not fit is left out rather than keep the candidate waiting.
    let mapped = |native: Native| {
        let said = map.source_of(native)?.said(dover)?;
        let fitted = native.fit(&said.value).ok()??;
        fitted.as_str().map(str::to_owned)
    };
    let (email, mut alternate_emails) = addresses(contact);
    if map.source_of(Native::AlternateEmails).is_none() {
        alternate_emails.clear();
    }
    let place = map.source_of(Native::Location).is_some();
    Ok(NewPerson {
        name,
        email,
        alternate_emails,
        phone: mapped(Native::Phone),
        linkedin_url: contact
            .linkedin_url
            .as_ref()
            .and_then(|said| linkedin_slug(&said.value))
            .map(|slug| linkedin_address(&slug)),
        github_url: mapped(Native::GithubUrl),
        website_url: mapped(Native::WebsiteUrl),
        location: contact
            .location
            .as_ref()
            .filter(|_| place)
            .map(|said| said.value.clone()),
    })
}

/// The primary address and the further ones, which Ashby takes apart: none blank and none twice. Without a primary
/// one the first of the others takes its place.
fn addresses(contact: &Contact) -> (Option<String>, Vec<String>) {
    let primary = contact.email.iter().map(|said| &said.value);
    let others = contact.alternate_emails.iter().flat_map(|said| &said.value);
    let mut seen = HashSet::new();
    let mut addresses = primary
        .chain(others)
        .filter(|address| IdentityKey::email(address).is_some_and(|key| seen.insert(key)))
        .map(|address| address.trim().to_owned());
    (addresses.next(), addresses.collect())
}

fn value(said: Option<&Dated<String>>) -> Option<String> {
    said.map(|said| said.value.trim().to_owned())
        .filter(|text| !text.is_empty())
}
