//! What stands before the handlers: headers of every answer, the language's cookie, errors as pages.

use std::sync::Arc;

use askama::Template as _;
use axum::{
    extract::{FromRequestParts as _, Request, State},
    middleware::Next,
    response::{Html, IntoResponse as _, Response},
};
use http::{HeaderValue, header};

use crate::{
    app::App,
    page::{Page, Trouble, TroublePage, asked_language},
};

/// Own files only, no inline script or style, no frame around it; WebAssembly is compiled for the verifier, whose script makes the worker
/// that digests files.
const POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src blob:; style-src 'self'; img-src 'self'; connect-src 'self'; \
     form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Answers as the handler does, with everything that all answers have.
pub(crate) async fn edge(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let asked = asked_language(&parts.uri);
    let for_trouble = parts.clone();
    let is_read = parts.method.is_safe();
    let is_page = !parts.uri.path().starts_with("/static/");
    let mut response = next.run(Request::from_parts(parts, body)).await;
    let mut trouble = response.extensions().get::<Trouble>().cloned();
    if trouble.is_none() && is_read && response.status().is_client_error() {
        // An address whose parameters cannot be read names nothing.
        trouble = Some(Trouble::NotFound);
    }
    if let Some(trouble) = trouble {
        let mut parts = for_trouble;
        let page = match trouble {
            Trouble::Unreachable | Trouble::Busy => Page::of(&parts),
            _ => match Page::from_request_parts(&mut parts, &app).await {
                Ok(page) => page,
            },
        };
        let status = trouble.status();
        let page = TroublePage { page, trouble }.render().unwrap_or_default();
        response = (status, Html(page)).into_response();
    }
    let headers = response.headers_mut();
    let fixed = [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.insert("cross-origin-opener-policy", HeaderValue::from_static("same-origin"));
    headers.insert("cross-origin-resource-policy", HeaderValue::from_static("same-origin"));
    let nothing = "camera=(), microphone=(), geolocation=(), payment=(), usb=()";
    headers.insert("permissions-policy", HeaderValue::from_static(nothing));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-cache"));
    if is_page {
        headers.append(header::VARY, HeaderValue::from_static("accept-language, cookie"));
    }
    if let Some(lang) = asked {
        let cookie = format!("lang={}; Path=/; Max-Age=31536000; SameSite=Lax", lang.tag());
        if let Ok(cookie) = HeaderValue::from_str(&cookie) {
            headers.append(header::SET_COOKIE, cookie);
        }
    }
    response
}

/// For addresses that name nothing.
pub(crate) async fn no_page() -> Trouble {
    Trouble::NotFound
}
