//! The web pages.

use reqwest::{Method, StatusCode};

use crate::console::Console;

/// Whether `npm run build` has run before this was compiled; a clean clone has no pages.
fn built() -> bool {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("web/dist/index.html")
        .exists()
}

#[tokio::test]
async fn every_address_of_the_pages_gets_the_home_page() {
    let console = Console::start().await;
    for path in ["/", "/live", "/live?venue=demo", "/statistics/last-week"] {
        let answer = console.request(Method::GET, path).send().await.unwrap();
        assert_eq!(
            answer.status(),
            if built() {
                StatusCode::OK
            } else {
                StatusCode::SERVICE_UNAVAILABLE
            },
            "{path}"
        );
        let headers = answer.headers().clone();
        assert_eq!(headers["content-type"], "text/html; charset=utf-8");
        assert_eq!(headers["x-content-type-options"], "nosniff");
        assert_eq!(headers["referrer-policy"], "no-referrer");
        let policy = headers["content-security-policy"].to_str().unwrap();
        assert!(
            policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"),
            "{policy}"
        );
        assert!(!policy.contains("unsafe"), "{policy}");
        assert!(answer.text().await.unwrap().contains("CityTrack"));
        if built() {
            assert_eq!(headers["cache-control"], "no-cache");
            let again = console
                .request(Method::GET, path)
                .header("if-none-match", &headers["etag"])
                .send()
                .await
                .unwrap();
            assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
            assert_eq!(again.headers()["etag"], headers["etag"]);
        }
    }
    let head = console.request(Method::HEAD, "/").send().await.unwrap();
    assert!(head.text().await.unwrap().is_empty());
}

#[tokio::test]
async fn the_description_of_the_api_has_the_headers_of_the_pages() {
    let console = Console::start().await;
    let request = console.request(Method::GET, "/api/v1/openapi/console.json");
    let answer = request.header("x-forwarded-proto", "https").send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    for name in [
        "content-security-policy",
        "x-content-type-options",
        "strict-transport-security",
    ] {
        assert!(answer.headers().contains_key(name), "{name}");
    }
}

#[tokio::test]
async fn assets_are_kept_forever_and_compressed() {
    if !built() {
        return;
    }
    let console = Console::start().await;
    let home = console
        .request(Method::GET, "/")
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    let assets: Vec<&str> = home.split('"').filter(|part| part.starts_with("/assets/")).collect();
    assert!(!assets.is_empty(), "{home}");
    for asset in assets {
        let answer = console
            .request(Method::GET, asset)
            .header("accept-encoding", "gzip")
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "{asset}");
        assert_eq!(answer.headers()["cache-control"], "public, max-age=31536000, immutable");
        assert_eq!(answer.headers()["content-encoding"], "gzip");
        assert_eq!(answer.headers()["vary"], "accept-encoding");
    }
}

#[tokio::test]
async fn pages_of_other_origins_may_load_the_client_of_the_live_feed_and_nothing_else() {
    if !built() {
        return;
    }
    let console = Console::start().await;
    let client = console.request(Method::GET, "/live-client.js").send().await.unwrap();
    let headers = client.headers().clone();
    assert_eq!(client.status(), StatusCode::OK);
    assert_eq!(headers["content-type"], "text/javascript; charset=utf-8");
    assert_eq!(headers["access-control-allow-origin"], "*");
    assert_eq!(headers["cache-control"], "no-cache");
    assert!(client.text().await.unwrap().contains("LiveFeed"));
    for path in ["/", "/favicon.svg"] {
        let answer = console.request(Method::GET, path).send().await.unwrap();
        assert!(!answer.headers().contains_key("access-control-allow-origin"), "{path}");
    }
}

#[tokio::test]
async fn files_that_are_not_there_are_not_the_home_page() {
    let console = Console::start().await;
    for path in [
        "/assets/index-gone.js",
        "/assets/",
        "/robots.txt",
        "/../Cargo.toml",
        "/assets/..%2f..%2fpackage.json",
    ] {
        let answer = console.request(Method::GET, path).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{path}");
    }
    let posted = console.request(Method::POST, "/live").send().await.unwrap();
    assert_eq!(
        (posted.status(), posted.headers()["allow"].to_str().unwrap()),
        (StatusCode::METHOD_NOT_ALLOWED, "GET, HEAD")
    );
}
