//! The request that a client's first segment begins with, if it is HTTP/1 in the open.

use std::borrow::Cow;

/// A request's head, as far as the segment holds it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Request<'a> {
    pub(super) method: Cow<'a, str>,
    pub(super) target: Cow<'a, str>,
    pub(super) host: Option<Cow<'a, str>>,
    pub(super) user_agent: Option<Cow<'a, str>>,
    pub(super) referrer: Option<Cow<'a, str>>,
    /// Whom a proxy says that it asks for.
    pub(super) forwarded_for: Option<Cow<'a, str>>,
    /// Whether the head goes on behind the segment.
    pub(super) is_cut: bool,
}

const METHODS: [&str; 9] = ["GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "CONNECT", "TRACE"];

/// The request at the beginning of a segment.
pub(super) fn request(payload: &[u8]) -> Option<Request<'_>> {
    let method_end = payload.iter().take(20).position(|b| *b == b' ')?;
    let method = std::str::from_utf8(&payload[..method_end]).ok()?;
    if method.is_empty() || !method.bytes().all(|b| b.is_ascii_uppercase() || b == b'-' || b == b'_') {
        return None;
    }
    let rest = &payload[method_end + 1..];
    let Some(line_end) = memchr::memchr(b'\n', rest) else {
        // The line is longer than the segment: a request only if nothing else begins so.
        let is_one = METHODS.contains(&method) && (rest.starts_with(b"/") || rest.starts_with(b"http"));
        return is_one.then(|| Request {
            method: method.into(),
            target: text(rest),
            is_cut: true,
            ..Request::default()
        });
    };
    let line = rest[..line_end].trim_ascii_end();
    let space = memchr::memrchr(b' ', line)?;
    if !line[space + 1..].starts_with(b"HTTP/1.") || space == 0 {
        return None;
    }
    let mut request =
        Request { method: method.into(), target: text(&line[..space]), is_cut: true, ..Request::default() };
    headers(&rest[line_end + 1..], &mut request);
    Some(request)
}

/// Takes what the headers say. Where one stands twice, the first counts.
fn headers<'a>(mut rest: &'a [u8], request: &mut Request<'a>) {
    while let Some(end) = memchr::memchr(b'\n', rest) {
        let line = rest[..end].trim_ascii_end();
        rest = &rest[end + 1..];
        if line.is_empty() {
            request.is_cut = false;
            return;
        }
        let Some(colon) = memchr::memchr(b':', line) else { continue };
        let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
        let place = match name.len() {
            4 if name.eq_ignore_ascii_case(b"host") => &mut request.host,
            7 if name.eq_ignore_ascii_case(b"referer") => &mut request.referrer,
            10 if name.eq_ignore_ascii_case(b"user-agent") => &mut request.user_agent,
            15 if name.eq_ignore_ascii_case(b"x-forwarded-for") => &mut request.forwarded_for,
            _ => continue,
        };
        place.get_or_insert_with(|| text(value));
    }
}

fn text(bytes: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_request_gives_its_target_and_headers() {
        let text = b"POST /a?b=1 HTTP/1.1\r\nHOST: shop.example\r\nUser-Agent: curl/8.5\r\nuser-agent: other\r\nX-Forwarded-For: 203.0.113.9\r\n\r\nhost: body";
        let found = request(text).unwrap();
        assert_eq!((found.method.as_ref(), found.target.as_ref(), found.is_cut), ("POST", "/a?b=1", false));
        assert_eq!((found.host.as_deref(), found.user_agent.as_deref()), (Some("shop.example"), Some("curl/8.5")));
        assert_eq!(found.forwarded_for.as_deref(), Some("203.0.113.9"));
    }

    #[test]
    fn other_protocols_are_no_request_and_a_cut_one_says_so() {
        for other in [
            &b"USER kim\r\n"[..],
            b"MAIL FROM:<a@shop.example>\r\n",
            b"GET key\r\n",
            b"PRI * HTTP/2.0\r\n\r\n",
            b"SSH-2.0-x\r\n",
            b" / HTTP/1.1\r\n",
            b"EHLO a",
        ] {
            assert_eq!(request(other), None, "{other:?}");
        }
        let cut = request(b"GET /very/long").unwrap();
        assert_eq!((cut.target.as_ref(), cut.is_cut), ("/very/long", true));
        let cut = request(b"GET / HTTP/1.1\r\nHost: shop.example\r\nCook").unwrap();
        assert_eq!((cut.host.as_deref(), cut.is_cut), (Some("shop.example"), true));
        assert_eq!(request(b"GET /\xff\x1b[2J HTTP/1.0\n").unwrap().target, "/\u{fffd}\u{1b}[2J");
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(rest in prop::collection::vec(any::<u8>(), 0..80)) {
            let _ = request(&rest);
            let _ = request(&[b"GET / HTTP/1.1\r\n", &rest[..]].concat());
        }
    }
}
