//! `candidate.*`: people. Creating one never looks whether they are there already.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

use super::{Request, known_user, live_source};
use crate::simulator::{
    answer::{Answer, Refusal, Reply},
    input::{Field, Input, Kind, optional, required},
    paging::{CURSOR, LIMIT, Pass, SYNC_TOKEN},
    shelf::Row,
    switches::SearchMatch,
    wire,
    world::{Candidate, Contact, Place, SocialLink, World},
};

/// The most that a search finds.
const SEARCH_CAP: usize = 100;

const LINK_KINDS: &[&str] = &[
    "LinkedIn",
    "GitHub",
    "Twitter",
    "Medium",
    "StackOverflow",
    "YouTube",
    "CodePen",
    "Website",
];

const LOCATION: &[Field] = &[
    optional("city", Kind::Text),
    optional("region", Kind::Text),
    optional("country", Kind::Text),
];

pub(super) const CREATE: &[Field] = &[
    required("name", Kind::Text),
    optional("email", Kind::Text),
    optional("phoneNumber", Kind::Text),
    optional("linkedInUrl", Kind::Url),
    optional("githubUrl", Kind::Url),
    optional("website", Kind::Url),
    optional("alternateEmailAddresses", Kind::Texts),
    optional("sourceId", Kind::Id),
    optional("creditedToUserId", Kind::Id),
    optional("location", Kind::Object(LOCATION)),
    optional("createdAt", Kind::Instant),
];

pub(super) fn create(world: &mut World, request: &Request) -> Answer {
    let input = &request.input;
    let mut candidate = Candidate {
        name: input.text("name").unwrap_or_default().to_owned(),
        source: live_source(world, input.id("sourceId"))?,
        credited_to: known_user(world, input.id("creditedToUserId"))?,
        place: place(world, input),
        ..Candidate::default()
    };
    set_contacts(&mut candidate, input);
    for address in input.texts("alternateEmailAddresses") {
        add_address(&mut candidate, address);
    }
    set_links(&mut candidate, input, "website");
    let id = world.add_candidate(None, candidate, input.instant("createdAt"));
    answer(world, id)
}

pub(super) const INFO: &[Field] = &[
    optional("id", Kind::Id),
    optional("externalMappingId", Kind::Text),
];

/// By id. Nothing here has an external mapping, so asking by one finds nobody.
pub(super) fn info(world: &mut World, request: &Request) -> Answer {
    let input = &request.input;
    if input.has("id") == input.has("externalMappingId") {
        return Err(Refusal::invalid("Give either id or externalMappingId"));
    }
    let id = input.id("id").and_then(|id| visible(world, id).ok());
    id.map_or_else(
        || Err(Refusal::not_found("candidate")),
        |id| answer(world, id),
    )
}

pub(super) const LIST: &[Field] = &[
    optional("createdAfter", Kind::Whole),
    CURSOR,
    SYNC_TOKEN,
    LIMIT,
];

pub(super) fn list(world: &mut World, request: &Request) -> Answer {
    let mut pass = Pass::open(world, "candidate.list", &request.input, &["createdAfter"])?;
    let created_after = request.input.epoch_millis("createdAfter");
    let (ids, next) = pass.select(world, &world.candidates, |row| {
        created_after.is_none_or(|after| row.created_at > after) && world.shows_candidate(&row.item)
    });
    let results = render(world, ids);
    Ok(pass.close(world, results, next))
}

pub(super) const SEARCH: &[Field] = &[optional("email", Kind::Text), optional("name", Kind::Text)];

/// By address and name, both where both are given. A name is found by any part of it.
pub(super) fn search(world: &mut World, request: &Request) -> Answer {
    let email = request.input.text("email");
    let name = request.input.text("name").map(str::to_lowercase);
    if email.is_none() && name.is_none() {
        return Err(Refusal::invalid("Give an email, a name, or both"));
    }
    let wanted = |row: &&Row<Candidate>| {
        let candidate = &row.item;
        world.has_surfaced(row)
            && world.shows_candidate(candidate)
            && email.is_none_or(|email| has_address(world.switches.search_match, candidate, email))
            && name
                .as_ref()
                .is_none_or(|name| candidate.name.to_lowercase().contains(name))
    };
    let rows: Vec<_> = match email {
        Some(email) => people_with_address(world, email)
            .into_iter()
            .filter(wanted)
            .collect(),
        None => world.candidates.iter().filter(wanted).collect(),
    };
    let found = rows.into_iter().take(SEARCH_CAP);
    let found: Vec<_> = found.map(|row| wire::candidate(world, row)).collect();
    Ok(Reply::of(found))
}

fn people_with_address<'a>(world: &'a World, email: &str) -> Vec<&'a Row<Candidate>> {
    let none = BTreeSet::new();
    let ids = world
        .people_by_email
        .get(&email.to_lowercase())
        .unwrap_or(&none);
    let mut rows: Vec<_> = ids
        .iter()
        .filter_map(|id| world.candidates.get(*id))
        .collect();
    rows.sort_by_key(|row| row.age());
    rows
}

fn has_address(search: SearchMatch, candidate: &Candidate, email: &str) -> bool {
    candidate.emails.iter().any(|address| match search {
        SearchMatch::AnyAddress => address.value.to_lowercase() == email.to_lowercase(),
        SearchMatch::PrimaryAddress => {
            address.is_primary && address.value.to_lowercase() == email.to_lowercase()
        }
        SearchMatch::ExactCase => address.value == email,
    })
}

const LINK: &[Field] = &[
    required("type", Kind::OneOf(LINK_KINDS)),
    required("url", Kind::Url),
];

pub(super) const UPDATE: &[Field] = &[
    required("candidateId", Kind::Id),
    optional("name", Kind::Text),
    optional("email", Kind::Text),
    optional("phoneNumber", Kind::Text),
    optional("linkedInUrl", Kind::Url),
    optional("githubUrl", Kind::Url),
    optional("websiteUrl", Kind::Url),
    optional("alternateEmail", Kind::Text),
    optional("socialLinks", Kind::Objects(LINK)),
    optional("sourceId", Kind::Id),
    optional("creditedToUserId", Kind::Id),
    optional("location", Kind::Object(LOCATION)),
    optional("createdAt", Kind::Instant),
    optional("sendNotifications", Kind::Flag),
];

/// Fields that are left out stay as they are. `socialLinks` replaces all links, and the three URLs beside it are then
/// ignored; `alternateEmail` adds an address, and nothing takes one away.
pub(super) fn update(world: &mut World, request: &Request) -> Answer {
    let input = &request.input;
    let id = visible(world, input.required_id("candidateId"))?;
    let source = live_source(world, input.id("sourceId"))?;
    let credited_to = known_user(world, input.id("creditedToUserId"))?;
    let place = place(world, input);
    let addresses = [input.text("email"), input.text("alternateEmail")];
    for address in addresses.into_iter().flatten() {
        world.index_email(id, address);
    }
    let stamp = world.stamp();
    world.edit_candidate(id, stamp, |candidate| {
        if let Some(name) = input.text("name") {
            name.clone_into(&mut candidate.name);
        }
        set_contacts(candidate, input);
        if let Some(address) = input.text("alternateEmail") {
            add_address(candidate, address);
        }
        if input.has("socialLinks") {
            candidate.links = input.objects("socialLinks").iter().map(link).collect();
        } else {
            set_links(candidate, input, "websiteUrl");
        }
        candidate.source = source.or(candidate.source);
        candidate.credited_to = credited_to.or(candidate.credited_to);
        candidate.place = place.or(candidate.place.take());
    });
    redate(world, id, input.instant("createdAt"));
    answer(world, id)
}

fn redate(world: &mut World, id: Uuid, created_at: Option<DateTime<Utc>>) {
    if let Some(created_at) = created_at {
        world.candidates.redate(id, created_at);
    }
}

pub(super) const ADD_TAG: &[Field] = &[
    required("candidateId", Kind::Id),
    required("tagId", Kind::Id),
];

/// A tag that the candidate has already is no news.
pub(super) fn add_tag(world: &mut World, request: &Request) -> Answer {
    let id = visible(world, request.input.required_id("candidateId"))?;
    let tag = request.input.required_id("tagId");
    if world.tags.get(tag).is_none() {
        return Err(Refusal::not_found("candidate_tag"));
    }
    let candidate = world.candidates.item(id);
    if candidate.is_some_and(|candidate| !candidate.tags.contains(&tag)) {
        let stamp = world.stamp();
        if let Some(candidate) = world.candidates.edit(id, stamp) {
            candidate.tags.push(tag);
        }
    }
    answer(world, id)
}

/// The candidate of this id, where the key may see them.
pub(super) fn visible(world: &World, id: Uuid) -> Result<Uuid, Refusal> {
    world
        .candidates
        .item(id)
        .filter(|candidate| world.shows_candidate(candidate))
        .map(|_| id)
        .ok_or_else(|| Refusal::not_found("candidate"))
}

fn answer(world: &World, id: Uuid) -> Answer {
    let row = world.candidates.get(id);
    row.map(|row| Reply::of(wire::candidate(world, row)))
        .ok_or_else(|| Refusal::not_found("candidate"))
}

fn render(world: &World, ids: Vec<Uuid>) -> Vec<Value> {
    ids.into_iter()
        .filter_map(|id| Some(wire::candidate(world, world.candidates.get(id)?)))
        .collect()
}

fn set_contacts(candidate: &mut Candidate, input: &Input) {
    if let Some(email) = input.text("email") {
        candidate.set_primary_email(email);
    }
    if let Some(phone) = input.text("phoneNumber") {
        candidate.set_primary_phone(phone);
    }
}

fn add_address(candidate: &mut Candidate, address: &str) {
    let known = |email: &Contact| email.value.eq_ignore_ascii_case(address);
    if !candidate.emails.iter().any(known) {
        candidate.emails.push(Contact {
            value: address.to_owned(),
            is_primary: false,
        });
    }
}

/// The field for a website is called otherwise when a candidate is created than when they are updated.
fn set_links(candidate: &mut Candidate, input: &Input, website: &str) {
    for (field, kind) in [
        ("linkedInUrl", "LinkedIn"),
        ("githubUrl", "GitHub"),
        (website, "Website"),
    ] {
        if let Some(url) = input.text(field) {
            candidate.set_link(kind, url);
        }
    }
}

fn link(input: &Input) -> SocialLink {
    SocialLink {
        kind: input.text("type").unwrap_or_default().to_owned(),
        url: input.text("url").unwrap_or_default().to_owned(),
    }
}

fn place(world: &mut World, input: &Input) -> Option<Place> {
    let location = input.object("location")?;
    let part = |name| location.text(name).map(str::to_owned);
    Some(Place {
        id: world.chance.object_id(),
        city: part("city"),
        region: part("region"),
        country: part("country"),
    })
}
