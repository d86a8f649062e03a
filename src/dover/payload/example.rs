//! The delivery that the documentation shows.

use serde_json::{Value, json};

/// A full delivery, with every field of the contract but those of an activity.
pub fn example() -> Value {
    json!({
        "type": "candidate.stage_changed",
        "timestamp": "2026-11-21T10:00:02.113Z",
        "data": {
            "candidate": {
                "id": "cand_8f2c",
                "name": "Ada Lovelace",
                "email": "ada@example.com",
                "alternate_emails": ["ada@work.example"],
                "phone": "+44 20 7946 0000",
                "linkedin_url": "https://www.linkedin.com/in/ada-lovelace/",
                "social_urls": {"github": "https://github.com/ada"},
                "title": "Staff Engineer",
                "company": "Analytical Engines",
                "location": {"city": "London", "region": "England", "country": "United Kingdom"},
                "fields": {"seniority": "staff", "skills": ["rust", "sql"]},
            },
            "job": {"id": "job_42", "title": "Staff Engineer"},
            "stage": "replied",
            "stage_name": "Responded",
            "status": "active",
            "owner": {"email": "sourcer@example.com"},
            "updated_at": "2026-11-21T09:59:58Z",
        },
    })
}
