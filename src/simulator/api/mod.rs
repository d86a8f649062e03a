//! Ashby's endpoints: which there are, the permission that each needs, the fields that each takes.

mod applications;
mod candidates;
mod fields;
mod jobs;
mod lists;
mod notes;
mod progress;

use super::{
    answer::{Answer, Refusal, Reply},
    input::{Field, Input},
    wire,
    world::World,
};
use serde_json::json;
use uuid::Uuid;

/// An endpoint.
pub(crate) struct Endpoint {
    /// The name under which it is documented.
    pub name: &'static str,
    /// The module that a key needs.
    pub scope: &'static str,
    pub fields: &'static [Field],
    pub run: fn(&mut World, &Request) -> Answer,
}

/// A request whose fields were checked.
pub(crate) struct Request {
    pub input: Input,
    /// The place of the caller's key.
    pub key: usize,
}

/// Every module that a key can have.
pub(crate) const ALL_SCOPES: [&str; 12] = [
    "apiKeys:read",
    "apiKeys:write",
    "candidates:read",
    "candidates:write",
    "candidates:delete",
    "hiringProcessMetadata:read",
    "hiringProcessMetadata:write",
    "interviews:read",
    "jobs:read",
    "jobs:write",
    "organization:read",
    "organization:write",
];

const fn endpoint(
    name: &'static str,
    scope: &'static str,
    fields: &'static [Field],
    run: fn(&mut World, &Request) -> Answer,
) -> Endpoint {
    Endpoint {
        name,
        scope,
        fields,
        run,
    }
}

/// Reads candidates and applications.
const PEOPLE: &str = "candidates:read";
/// Writes candidates and applications.
const PEOPLE_WRITE: &str = "candidates:write";
/// Reads sources, archive reasons, tags and custom fields.
const METADATA: &str = "hiringProcessMetadata:read";
const METADATA_WRITE: &str = "hiringProcessMetadata:write";
const INTERVIEWS: &str = "interviews:read";
const JOBS: &str = "jobs:read";
const ORGANIZATION: &str = "organization:read";

#[rustfmt::skip]
static ENDPOINTS: &[Endpoint] = &[
    endpoint("apiKey.info", "apiKeys:read", &[], |world, request| Ok(api_key_info(world, request))),
    endpoint("job.info", JOBS, jobs::INFO, jobs::info),
    endpoint("job.list", JOBS, jobs::LIST, jobs::list),
    endpoint("job.search", JOBS, jobs::SEARCH, jobs::search),
    endpoint("jobInterviewPlan.info", JOBS, jobs::PLAN_OF_JOB, jobs::plan_of_job),
    endpoint("interviewPlan.list", INTERVIEWS, jobs::PLANS, jobs::plans),
    endpoint("interviewStage.list", INTERVIEWS, jobs::STAGES, jobs::stages),
    endpoint("interviewStage.info", INTERVIEWS, jobs::STAGE, jobs::stage),
    endpoint("source.list", METADATA, lists::WITH_ARCHIVED, |world, request| Ok(lists::sources(world, request))),
    endpoint("archiveReason.list", METADATA, lists::WITH_ARCHIVED, |world, request| Ok(lists::archive_reasons(world, request))),
    endpoint("candidateTag.list", METADATA, lists::PAGED_WITH_ARCHIVED, lists::tags),
    endpoint("candidateTag.create", METADATA_WRITE, lists::NEW_TAG, |world, request| Ok(lists::create_tag(world, request))),
    endpoint("customField.list", METADATA, lists::PAGED_WITH_ARCHIVED, fields::list),
    endpoint("customField.setValue", PEOPLE_WRITE, fields::SET_VALUE, fields::set_value),
    endpoint("customField.setValues", PEOPLE_WRITE, fields::SET_VALUES, fields::set_values),
    endpoint("user.list", ORGANIZATION, lists::USERS, lists::users),
    endpoint("user.search", ORGANIZATION, lists::USER_BY_EMAIL, |world, request| Ok(lists::search_users(world, request))),
    endpoint("candidate.create", PEOPLE_WRITE, candidates::CREATE, candidates::create),
    endpoint("candidate.info", PEOPLE, candidates::INFO, candidates::info),
    endpoint("candidate.list", PEOPLE, candidates::LIST, candidates::list),
    endpoint("candidate.search", PEOPLE, candidates::SEARCH, candidates::search),
    endpoint("candidate.update", PEOPLE_WRITE, candidates::UPDATE, candidates::update),
    endpoint("candidate.addTag", PEOPLE_WRITE, candidates::ADD_TAG, candidates::add_tag),
    endpoint("candidate.createNote", PEOPLE_WRITE, notes::CREATE, notes::create),
    endpoint("candidate.listNotes", PEOPLE, notes::LIST, notes::list),
    endpoint("application.create", PEOPLE_WRITE, applications::CREATE, applications::create),
    endpoint("application.info", PEOPLE, applications::INFO, applications::info),
    endpoint("application.list", PEOPLE, applications::LIST, applications::list),
    endpoint("application.changeStage", PEOPLE_WRITE, progress::CHANGE_STAGE, progress::change_stage),
    endpoint("application.changeSource", PEOPLE_WRITE, progress::CHANGE_SOURCE, progress::change_source),
    endpoint("application.update", PEOPLE_WRITE, progress::UPDATE, progress::update),
    endpoint("application.listHistory", PEOPLE, progress::HISTORY, progress::history),
];

/// The endpoint of this name, be it an old one that still works.
pub(crate) fn find(name: &str) -> Option<&'static Endpoint> {
    let name = match name {
        "application.change_stage" => "application.changeStage",
        "application.change_source" => "application.changeSource",
        name => name,
    };
    ENDPOINTS.iter().find(|endpoint| endpoint.name == name)
}

fn api_key_info(world: &World, request: &Request) -> Reply {
    let key = &world.keys[request.key];
    Reply::of(json!({
        "title": key.title,
        "createdAt": wire::instant(key.created_at),
        "scopes": key.scopes,
    }))
}

/// A source that was given by id must be there and in use.
fn live_source(world: &World, id: Option<Uuid>) -> Result<Option<Uuid>, Refusal> {
    match id {
        Some(id)
            if world
                .sources
                .item(id)
                .is_none_or(|source| source.is_archived) =>
        {
            Err(Refusal::not_found("source"))
        }
        id => Ok(id),
    }
}

/// A user who was given by id must be there.
fn known_user(world: &World, id: Option<Uuid>) -> Result<Option<Uuid>, Refusal> {
    match id {
        Some(id) if world.users.get(id).is_none() => Err(Refusal::not_found("user")),
        id => Ok(id),
    }
}
