//! Every endpoint this program calls, what it may do there, and which right of the key it needs.

/// One method of Ashby's API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// The method as it stands in the path, such as `candidate.create`.
    pub name: &'static str,
    /// Whether a call can change something. Such a call is repeated only when it surely had no effect.
    pub write: bool,
    /// The right that an API key must have, spelt as `apiKey.info` lists it.
    pub permission: &'static str,
    /// Whether the integration cannot do its work without it. What only a setting asks for is refused to one prospect at a
    /// time, and leaves the rest alone.
    pub needed: bool,
}

const fn read(name: &'static str, permission: &'static str) -> Endpoint {
    Endpoint {
        name,
        write: false,
        permission,
        needed: true,
    }
}

const fn write(name: &'static str, permission: &'static str) -> Endpoint {
    Endpoint {
        name,
        write: true,
        permission,
        needed: true,
    }
}

/// The same, for what only a setting asks for.
const fn at_will(endpoint: Endpoint) -> Endpoint {
    Endpoint {
        needed: false,
        ..endpoint
    }
}

pub(super) const API_KEY_INFO: Endpoint = read("apiKey.info", "apiKeys:read");
pub(super) const JOB_INFO: Endpoint = read("job.info", "jobs:read");
pub(super) const INTERVIEW_STAGE_LIST: Endpoint = read("interviewStage.list", "interviews:read");
pub(super) const SOURCE_LIST: Endpoint = read("source.list", "hiringProcessMetadata:read");
pub(super) const ARCHIVE_REASON_LIST: Endpoint =
    read("archiveReason.list", "hiringProcessMetadata:read");
pub(super) const CANDIDATE_SEARCH: Endpoint = read("candidate.search", "candidates:read");
pub(super) const CANDIDATE_INFO: Endpoint = read("candidate.info", "candidates:read");
pub(super) const CANDIDATE_LIST: Endpoint = read("candidate.list", "candidates:read");
pub(super) const CANDIDATE_CREATE: Endpoint = write("candidate.create", "candidates:write");
pub(super) const CANDIDATE_LIST_NOTES: Endpoint =
    at_will(read("candidate.listNotes", "candidates:read"));
pub(super) const CANDIDATE_CREATE_NOTE: Endpoint =
    at_will(write("candidate.createNote", "candidates:write"));
pub(super) const APPLICATION_INFO: Endpoint = read("application.info", "candidates:read");
pub(super) const APPLICATION_LIST: Endpoint = read("application.list", "candidates:read");
pub(super) const APPLICATION_CREATE: Endpoint = write("application.create", "candidates:write");
pub(super) const APPLICATION_CHANGE_STAGE: Endpoint =
    write("application.changeStage", "candidates:write");
pub(super) const CUSTOM_FIELD_LIST: Endpoint =
    at_will(read("customField.list", "hiringProcessMetadata:read"));
pub(super) const CUSTOM_FIELD_SET_VALUES: Endpoint =
    at_will(write("customField.setValues", "candidates:write"));
pub(super) const CANDIDATE_UPDATE: Endpoint =
    at_will(write("candidate.update", "candidates:write"));
pub(super) const CANDIDATE_ADD_TAG: Endpoint =
    at_will(write("candidate.addTag", "candidates:write"));
pub(super) const CANDIDATE_TAG_CREATE: Endpoint =
    at_will(write("candidateTag.create", "hiringProcessMetadata:write"));
pub(super) const USER_SEARCH: Endpoint = at_will(read("user.search", "organization:read"));

/// All of them, for a check that proves the key's rights and for the table in the documentation.
pub const ENDPOINTS: [Endpoint; 21] = [
    API_KEY_INFO,
    JOB_INFO,
    INTERVIEW_STAGE_LIST,
    SOURCE_LIST,
    ARCHIVE_REASON_LIST,
    CANDIDATE_SEARCH,
    CANDIDATE_INFO,
    CANDIDATE_LIST,
    CANDIDATE_CREATE,
    CANDIDATE_LIST_NOTES,
    CANDIDATE_CREATE_NOTE,
    APPLICATION_INFO,
    APPLICATION_LIST,
    APPLICATION_CREATE,
    APPLICATION_CHANGE_STAGE,
    CUSTOM_FIELD_LIST,
    CUSTOM_FIELD_SET_VALUES,
    CANDIDATE_UPDATE,
    CANDIDATE_ADD_TAG,
    CANDIDATE_TAG_CREATE,
    USER_SEARCH,
];
