//! What a line of Rails says.

/// A line's meaning.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Said<'a> {
    /// A request came in.
    Started { method: &'a str, url: &'a str, ip: &'a str, at: &'a str },
    /// Which code answers it: `ProductsController#show`, and in which form.
    Processing { action: &'a str, form: &'a str },
    /// Its parameters, as Ruby prints a hash.
    Parameters(&'a str),
    /// It was answered.
    Completed { status: &'a str, milliseconds: &'a str },
    /// Nothing in the program answers it.
    NoRoute,
    /// A statement was run.
    Statement { name: &'a str, milliseconds: &'a str, sql: &'a str, binds: Option<&'a str> },
    /// One line for a whole request, of lograge: `method=GET path=/ …` or the same as JSON.
    WholeRequest,
    /// Something of the request that has no field.
    Detail,
    /// The program's own words.
    Other,
}

impl<'a> Said<'a> {
    pub(super) fn of(text: &'a str) -> Said<'a> {
        let trimmed = text.trim_start();
        match trimmed.as_bytes().first() {
            Some(b'S') => started(trimmed).unwrap_or(Said::Other),
            Some(b'P') => processing(trimmed).unwrap_or(Said::Other),
            Some(b'C') => completed(trimmed).unwrap_or(Said::Other),
            Some(b'm') if trimmed.starts_with("method=") && trimmed.contains(" path=") => Said::WholeRequest,
            Some(b'{') if trimmed.contains("\"method\":") && trimmed.contains("\"path\":") => Said::WholeRequest,
            Some(b'A') if trimmed.starts_with("ActionController::RoutingError (No route matches") => Said::NoRoute,
            None => Said::Detail,
            _ => Said::Other,
        }
        .or_detail(text, trimmed)
    }

    fn or_detail(self, text: &'a str, trimmed: &'a str) -> Said<'a> {
        const DETAILS: [&str; 12] = [
            "Rendered ",
            "Rendering ",
            "Redirected to ",
            "Filter chain halted ",
            "Unpermitted parameter",
            "Can't verify CSRF token",
            "HTTP Origin header",
            "Sent data ",
            "Sent file ",
            "No template found",
            "Layout ",
            "↳ ",
        ];
        if self != Said::Other {
            return self;
        }
        if DETAILS.iter().any(|begin| trimmed.starts_with(begin)) {
            return Said::Detail;
        }
        if text.starts_with("  ") { statement(trimmed).unwrap_or(Said::Other) } else { Said::Other }
    }
}

/// `Started GET "/p?id=1" for 203.0.113.9 at 2026-03-02 21:14:05 +0000`
fn started(text: &str) -> Option<Said<'_>> {
    let (method, rest) = text.strip_prefix("Started ")?.split_once(' ')?;
    let rest = rest.strip_prefix('"')?;
    // The target is the client's; what follows it has a fixed form, looked for from the end.
    let (rest, at) = rest.rsplit_once(" at ")?;
    let (url, ip) = rest.rsplit_once(" for ")?;
    let url = url.strip_suffix(" [WebSocket]").unwrap_or(url).strip_suffix('"')?;
    let is_method = method.len() <= 20 && method.bytes().all(|b| b.is_ascii_uppercase());
    (is_method && at.len() == 25).then_some(Said::Started { method, url, ip, at })
}

/// `Processing by ProductsController#show as HTML`, `Parameters: {"id"=>"1"}`
fn processing(text: &str) -> Option<Said<'_>> {
    if let Some(parameters) = text.strip_prefix("Parameters: ") {
        return Some(Said::Parameters(parameters));
    }
    let rest = text.strip_prefix("Processing by ")?;
    let (action, form) = rest.split_once(" as ").unwrap_or((rest, ""));
    action.contains('#').then_some(Said::Processing { action, form })
}

/// `Completed 200 OK in 12ms (Views: 8.1ms | ActiveRecord: 1.2ms)`
fn completed(text: &str) -> Option<Said<'_>> {
    let rest = text.strip_prefix("Completed ")?;
    let status = rest.get(..3).filter(|s| s.bytes().all(|b| b.is_ascii_digit()))?;
    let (_, time) = rest.split_once(" in ")?;
    let (milliseconds, _) = time.split_once("ms")?;
    Some(Said::Completed { status, milliseconds })
}

/// `Product Load (0.4ms)  SELECT … LIMIT $1  [["LIMIT", 1]]`
fn statement(text: &str) -> Option<Said<'_>> {
    let (name, rest) = text.split_once('(')?;
    let (milliseconds, sql) = rest.split_once("ms)")?;
    let is_number = milliseconds.len() <= 12 && milliseconds.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let sql = sql.strip_prefix("  ")?;
    if name.len() > 80 || milliseconds.is_empty() || !is_number {
        return None;
    }
    let (sql, binds) = match sql.rsplit_once("  [[") {
        Some((sql, binds)) if binds.ends_with("]]") => (sql, Some(binds)),
        _ => (sql, None),
    };
    Some(Said::Statement { name: name.trim_end(), milliseconds, sql: sql.trim_end(), binds })
}

/// The text under the first of these keys in a hash as Ruby prints it: `"email"=>"kim@shop.example"`.
pub(super) fn parameter(hash: &str, keys: &[String]) -> Option<String> {
    keys.iter().find_map(|key| {
        let written = [format!("\"{key}\"=>\""), format!("\"{key}\" => \"")];
        let at = written.iter().find_map(|w| hash.find(w.as_str()).map(|at| at + w.len()))?;
        let mut text = String::new();
        let mut chars = hash[at..].chars();
        loop {
            match chars.next()? {
                '"' => break,
                '\\' => text.push(chars.next()?),
                c => text.push(c),
            }
        }
        (!text.is_empty() && text != "[FILTERED]").then_some(text)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lines_are_told_apart() {
        let started = Said::of("Started GET \"/a\" for 192.0.2.1 at x\" for 203.0.113.9 at 2026-03-02 21:14:05 +0000");
        let url = "/a\" for 192.0.2.1 at x";
        let at = "2026-03-02 21:14:05 +0000";
        assert_eq!(started, Said::Started { method: "GET", url, ip: "203.0.113.9", at });
        assert_eq!(Said::of("Started GET \"/a\" for 203.0.113.9 at 2026-03-02 21:14:05 +0000):"), Said::Other);
        assert_eq!(Said::of("Processing by A::B#c as HTML"), Said::Processing { action: "A::B#c", form: "HTML" });
        assert_eq!(Said::of("  Parameters: {\"id\"=>\"1\"}"), Said::Parameters("{\"id\"=>\"1\"}"));
        let completed = Said::of("Completed 500 Internal Server Error in 12ms (Views: 8.1ms)");
        assert_eq!(completed, Said::Completed { status: "500", milliseconds: "12" });
        let statement = Said::of("  Product Load (0.3ms)  SELECT 1 WHERE id = ?  [[\"id\", 1]]");
        let sql = "SELECT 1 WHERE id = ?";
        let binds = Some("\"id\", 1]]");
        assert_eq!(statement, Said::Statement { name: "Product Load", milliseconds: "0.3", sql, binds });
        assert_eq!(Said::of("  Rendered text template (Duration: 0.0ms | Allocations: 8)"), Said::Detail);
        assert_eq!(Said::of("Login failed for kim"), Said::Other);
    }

    #[test]
    fn a_parameter_is_found_even_behind_one_that_looks_like_it() {
        let keys = ["email".to_owned()];
        let hash = r#"{"note"=>"\"email\"=>\"evil\"", "user"=>{"email"=>"kim \"x\""}}"#;
        assert_eq!(parameter(hash, &keys).as_deref(), Some("kim \"x\""));
        assert_eq!(parameter(r#"{"email"=>"[FILTERED]"}"#, &keys), None);
        assert_eq!(parameter(r#"{"email"=>"cut"#, &keys), None);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "(Started |GET |\"| for | at |Completed |200| in |ms|  |\\(|\\)|\\[\\[|\\PC){0,20}") {
            let _ = Said::of(&text);
        }
    }
}
