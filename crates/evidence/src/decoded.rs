//! A request's path and parameters as the application sees them: percent-encoding taken off.

use percent_encoding::percent_decode;

/// How often encoding is taken off: once is what servers do, twice is how filters are evaded.
const TIMES_MAX: u32 = 2;

/// Writes the decoded form of a request target into `out`, in place of what it held. Bytes that are no UTF-8 are
/// replaced; a `+` is a blank in the query only.
pub(crate) fn decode_into(target: &str, out: &mut String) {
    out.clear();
    let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
    out.push_str(path);
    if let Some(query) = query {
        out.push('?');
        let from = out.len();
        out.push_str(query);
        if memchr::memchr(b'+', &out.as_bytes()[from..]).is_some() {
            let blanks = out[from..].replace('+', " ");
            out.truncate(from);
            out.push_str(&blanks);
        }
    }
    for _ in 0..TIMES_MAX {
        if !has_escape(out) {
            break;
        }
        let decoded = percent_decode(out.as_bytes()).decode_utf8_lossy().into_owned();
        *out = decoded;
    }
}

fn has_escape(text: &str) -> bool {
    let bytes = text.as_bytes();
    memchr::memchr_iter(b'%', bytes)
        .any(|at| bytes.get(at + 1..at + 3).is_some_and(|pair| pair.iter().all(u8::is_ascii_hexdigit)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(target: &str) -> String {
        let mut out = "left over".to_owned();
        decode_into(target, &mut out);
        out
    }

    #[test]
    fn encoding_comes_off_once_and_twice() {
        assert_eq!(decoded("/a%20b/c+d?q=1%27+or+1%3D1--"), "/a b/c+d?q=1' or 1=1--");
        assert_eq!(decoded("/?q=1%2527%2520union"), "/?q=1' union");
        assert_eq!(decoded("/?rate=100%&x=%zz"), "/?rate=100%&x=%zz");
        assert_eq!(decoded("/%ff"), "/\u{fffd}");
    }
}
