//! The control endpoint: a request a connection, JSON both ways.

use std::sync::Arc;

use serde_json::{Value as Json, json};
use tokio::{io::AsyncWriteExt, net::TcpStream};

use super::Control;
use crate::wire::{Asked, provider::read_request};

/// Answers one request.
pub async fn answer(control: Arc<Control>, mut stream: TcpStream) {
    let Ok(Some(asked)) = read_request(&mut stream, &mut Vec::new()).await else { return };
    let (status, body) = route(&control, &asked).await;
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
    );
    // Whoever asked may have gone.
    stream.write_all(format!("{head}{body}").as_bytes()).await.ok();
    stream.shutdown().await.ok();
}

async fn route(control: &Control, asked: &Asked) -> (&'static str, String) {
    let nothing = || ("409 Conflict", error("no scenario was armed: POST /arm {\"scenario\": \"auth/bad-key\"}"));
    // A page of a browser sends its origin; no test framework does.
    if asked.header("origin").is_some() {
        return ("403 Forbidden", error("this is for programs, not for pages"));
    }
    match (asked.method.as_str(), asked.target.as_str()) {
        ("GET", "/") => ("200 OK", control.place().to_string()),
        ("POST", "/arm") => arm(control, &asked.body).await,
        ("GET", "/verdict") => control.verdict().await.map_or_else(nothing, |line| ("200 OK", line)),
        ("GET", "/transcript") => {
            let text = |transcript| serde_json::to_string(&transcript).expect("plain values have a JSON form");
            control.transcript().await.map_or_else(nothing, |transcript| ("200 OK", text(transcript)))
        }
        _ => ("404 Not Found", error("there are POST /arm, GET /verdict, GET /transcript and GET /")),
    }
}

async fn arm(control: &Control, body: &[u8]) -> (&'static str, String) {
    let json: Json = serde_json::from_slice(body).unwrap_or_default();
    let Some(scenario) = json["scenario"].as_str() else {
        return ("400 Bad Request", error("the body is {\"scenario\": \"an id of `brownout list`\"}"));
    };
    match control.arm(scenario, json["one_request"].as_bool()).await {
        Ok(armed) => ("200 OK", armed.to_string()),
        Err(why) => ("404 Not Found", error(&why)),
    }
}

fn error(why: &str) -> String {
    json!({ "error": why }).to_string()
}
