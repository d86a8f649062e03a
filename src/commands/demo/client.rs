//! The other two parties of the demo: an admin who uses the REST API, and Dover, which sends signed webhooks.

use std::net::SocketAddr;

use anyhow::{Context, Result, bail};
use reqwest::{Method, StatusCode};
use serde_json::Value;

use crate::{
    ashby::http_client,
    clock::{Clock, SystemClock},
    dover::signature::{WebhookSecret, sign},
};

/// An admin.
#[derive(Debug)]
pub struct Admin {
    http: reqwest::Client,
    base: String,
    token: String,
}

impl Admin {
    /// One with `token`, of the server at `addr`.
    pub fn new(addr: SocketAddr, token: String) -> Self {
        Self {
            http: http_client(),
            base: format!("http://{addr}/v1"),
            token,
        }
    }

    /// Reads.
    pub async fn get(&self, path: &str) -> Result<Value> {
        self.ask(Method::GET, path, None).await
    }

    /// Makes or does something.
    pub async fn post(&self, path: &str, body: Value) -> Result<Value> {
        self.ask(Method::POST, path, Some(body)).await
    }

    async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> Result<Value> {
        let mut request = self
            .http
            .request(method, format!("{}/{path}", self.base))
            .bearer_auth(&self.token);
        if let Some(body) = &body {
            request = request.json(body);
        }
        let answer = request.send().await.context("the server does not answer")?;
        let status = answer.status();
        let text = answer.text().await?;
        if !status.is_success() {
            bail!("the server refused {path}: {status} {text}");
        }
        Ok(serde_json::from_str(&text)?)
    }
}

/// Dover.
#[derive(Debug)]
pub struct Sender {
    http: reqwest::Client,
    url: String,
    secret: WebhookSecret,
}

impl Sender {
    /// One that sends to `url` and signs with `secret`.
    pub fn new(url: String, secret: WebhookSecret) -> Self {
        Self {
            http: http_client(),
            url,
            secret,
        }
    }

    /// Signs and sends a delivery, and answers the status.
    pub async fn send(&self, id: &str, delivery: &Value) -> Result<StatusCode> {
        let body = serde_json::to_vec(delivery)?;
        let mut request = self
            .http
            .post(&self.url)
            .header("content-type", "application/json");
        for (name, value) in sign(&self.secret, id, SystemClock.now().timestamp(), &body) {
            request = request.header(name, value);
        }
        Ok(request.body(body).send().await?.status())
    }
}
