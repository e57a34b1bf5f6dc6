//! Proposes where each value goes: by its name, as other packs know it, and by what its values look like.

use super::names::{Names, plain};
use super::values::{Column, Look};
use std::collections::BTreeMap;

/// Values under names, in the order in which they come.
pub(super) type Columns = Vec<(String, Column)>;

/// What a draft says of its records.
#[derive(Default)]
pub(super) struct Plan {
    /// Keys of the time, as `rules.time` has them.
    pub(super) time: Vec<String>,
    /// Event field → names.
    pub(super) map: BTreeMap<String, Vec<String>>,
    pub(super) class: &'static str,
    pub(super) kinds: Vec<KindLine>,
    /// Names that every record has and that tell the format from others.
    pub(super) needs: Vec<String>,
    /// What a person has to answer.
    pub(super) questions: Vec<String>,
    /// Names whose values are people's names.
    pub(super) people: Vec<String>,
}

/// A kind of records.
pub(super) struct KindLine {
    pub(super) name: String,
    pub(super) values: Vec<String>,
    pub(super) class: &'static str,
    pub(super) activity: Option<&'static str>,
    pub(super) status: Option<&'static str>,
}

/// What a sign-in's words tell of its outcome.
pub(super) fn sign_in(words: &str) -> Option<(&'static str, Option<&'static str>)> {
    let words = plain(words);
    let has = |list: &[&str]| list.iter().any(|word| words.contains(word));
    let activity = if has(&["logout", "logoff", "signout", "loggedout"]) {
        "logoff"
    } else if has(&["login", "logon", "signin", "loggedin", "signedin", "authenticat", "authfail", "authok"]) {
        "logon"
    } else {
        return None;
    };
    let status = if has(&["fail", "denied", "invalid", "reject", "wrong", "incorrect", "unauthor", "badpass"]) {
        Some("failure")
    } else if has(&["success", "succe", "accept", "granted", "loggedin", "loggedout", "ok"]) {
        Some("success")
    } else {
        None
    };
    Some((activity, status))
}

impl Plan {
    /// Works out a plan. `parts` gives the pairs of names that hold a date and a time of day.
    pub(super) fn of(columns: &Columns, names: &Names, times: &[String], parts: Option<String>) -> Plan {
        let mut plan = Plan { class: "base_event", ..Plan::default() };
        plan.find_time(columns, times, parts);
        plan.assign(columns, names);
        plan.find_class(columns);
        plan.find_needs(columns);
        plan.ask(columns);
        plan
    }

    fn find_time(&mut self, columns: &Columns, times: &[String], parts: Option<String>) {
        let usual = |name: &str| {
            let last = plain(name.rsplit('.').next().unwrap_or(name));
            times.iter().position(|t| plain(t) == last).unwrap_or(usize::MAX)
        };
        let mut found: Vec<&(String, Column)> = columns.iter().filter(|(_, c)| c.look() == Look::Time).collect();
        found.sort_by_key(|(name, column)| (usize::MAX - column.filled, usual(name)));
        self.time = found.iter().map(|(name, _)| name.clone()).take(1).collect();
        if let (Some((name, column)), true) = (found.first(), found.len() > 1) {
            let others: Vec<&str> = found[1..].iter().map(|(n, _)| n.as_str()).collect();
            let _ = column;
            self.questions.push(format!("{} hold times too. Is the event's own time in {name}?", listed(&others)));
        }
        if self.time.is_empty() {
            self.time.extend(parts);
        }
        if let Some((name, _)) = found.first().filter(|(_, column)| !column.has_zone()) {
            self.questions.push(format!(
                "{name} has times without a zone. In which zone does the machine write? State time_zone for this log in the store file"
            ));
        }
    }

    fn assign(&mut self, columns: &Columns, names: &Names) {
        let mut offers: Vec<(usize, &str, String)> = Vec::new();
        for (name, column) in columns.iter().filter(|(name, c)| c.filled > 0 && !self.is_time(name)) {
            let look = column.look();
            for (field, votes) in names.fields(name).filter(|(field, _)| fits(field, column, look)) {
                offers.push((10 + votes.min(20) + bonus(look), name, field.to_owned()));
            }
            for (field, weight) in by_content(look) {
                offers.push((*weight, name, (*field).to_owned()));
            }
        }
        offers.sort_by_key(|offer| std::cmp::Reverse(offer.0));
        let mut taken: Vec<&str> = Vec::new();
        for (weight, name, field) in offers {
            if taken.contains(&name) {
                continue;
            }
            match self.map.get_mut(&field) {
                None => {
                    self.map.insert(field, vec![name.to_owned()]);
                    taken.push(name);
                }
                // Another name of the same meaning, for records that lack the first.
                Some(keys) if weight > 10 && keys.len() < 4 => {
                    keys.push(name.to_owned());
                    taken.push(name);
                }
                Some(_) => {}
            }
        }
        for field in ["actor.user.name", "actor.user.email_addr"] {
            self.people.extend(self.map.get(field).into_iter().flatten().cloned());
        }
        // A status alone may be anything.
        let has_request = ["http_request.http_method", "http_request.url.url_string", "request_line"];
        let code_by_content =
            |keys: &Vec<String>| keys.iter().all(|key| names.fields(key).all(|(f, _)| f != "http_response.code"));
        if !has_request.iter().any(|f| self.map.contains_key(*f))
            && self.map.get("http_response.code").is_some_and(code_by_content)
        {
            self.map.remove("http_response.code");
        }
    }

    fn is_time(&self, name: &str) -> bool {
        self.time.iter().any(|key| key.split('+').any(|part| part == name))
    }

    fn find_class(&mut self, columns: &Columns) {
        let has = |field: &str| self.map.contains_key(field);
        if has("http_request.url.url_string") || has("request_line") || has("http_request.http_method") {
            self.class = "http_activity";
            self.questions
                .push("These are taken for requests, since they have a target or a method. Are they?".to_owned());
        } else if has("query_info.query_string") {
            self.class = "datastore_activity";
            self.questions.push(
                "These are taken for statements of a database. Are they what it ran, or only a part of that?"
                    .to_owned(),
            );
        }
        for (name, column) in columns.iter().filter(|(_, c)| c.look() != Look::Level) {
            let Some(values) = column.few() else { continue };
            for value in values.filter(|v| v.len() <= 60) {
                if let Some((activity, status)) = sign_in(value) {
                    let values = vec![value.to_owned()];
                    let class = "authentication";
                    self.kinds.push(KindLine { name: name.clone(), values, class, activity: Some(activity), status });
                }
            }
        }
        if !self.kinds.is_empty() {
            self.questions.push(
                "Some values are taken for sign-ins by their words. Are they, and which mean failure?".to_owned(),
            );
        }
        if self.class == "base_event" {
            self.errors(columns);
        }
    }

    fn errors(&mut self, columns: &Columns) {
        let is_error = |level: &str| {
            let level = plain(level);
            ["err", "crit", "fatal", "severe", "emerg", "alert"].iter().any(|begin| level.starts_with(begin))
        };
        for (name, column) in columns.iter().filter(|(_, c)| c.look() == Look::Level) {
            let values: Vec<String> = column.distinct.keys().filter(|v| is_error(v)).cloned().collect();
            if !values.is_empty() {
                let class = "application_error";
                self.kinds.push(KindLine {
                    name: name.clone(),
                    values,
                    class,
                    activity: None,
                    status: Some("failure"),
                });
            }
        }
    }

    fn find_needs(&mut self, columns: &Columns) {
        let total = columns.iter().map(|(_, c)| c.records).max().unwrap_or_default();
        let everywhere = |name: &String| columns.iter().any(|(n, c)| n == name && c.records == total);
        let mapped = self.map.values().filter_map(|keys| keys.first());
        let time = self.time.iter().flat_map(|key| key.split('+')).map(str::to_owned).collect::<Vec<_>>();
        let mut needs: Vec<String> = time.iter().chain(mapped).filter(|name| everywhere(name)).cloned().collect();
        // Rare names tell a format better than usual ones.
        let mut others: Vec<&String> =
            columns.iter().map(|(n, _)| n).filter(|n| !needs.contains(n) && everywhere(n)).collect();
        others.sort_by_key(|name| usize::MAX - name.len());
        needs.extend(others.into_iter().take(4).cloned());
        self.needs = needs;
    }

    fn ask(&mut self, columns: &Columns) {
        let mapped = |name: &str| self.map.values().flatten().any(|key| key == name);
        let addresses: Vec<&str> =
            columns.iter().filter(|(_, c)| c.look() == Look::Ip).map(|(n, _)| n.as_str()).collect();
        if let Some(client) = self.map.get("src_endpoint.ip").filter(|_| addresses.len() > 1) {
            self.questions.push(format!(
                "{} hold addresses. Is the client's own in {}? What a proxy passes on, any client can send",
                listed(&addresses),
                client[0]
            ));
        }
        let left: Vec<&str> = columns
            .iter()
            .filter(|(name, c)| c.filled > 0 && !mapped(name) && !self.is_time(name))
            .map(|(name, _)| name.as_str())
            .collect();
        if !left.is_empty() {
            self.questions.push(format!(
                "Kept in unmapped, since nothing is known of them: {}. Does one of them say who did it, from where, or to whose data?",
                listed(&left)
            ));
        }
        if !self.map.contains_key("src_endpoint.ip") {
            self.questions
                .push("No column of addresses was found. Without one, records are joined by time alone".to_owned());
        }
    }
}

/// Names for a sentence.
fn listed(names: &[&str]) -> String {
    const SHOWN: usize = 12;
    let mut text = names.iter().take(SHOWN).copied().collect::<Vec<_>>().join(", ");
    if names.len() > SHOWN {
        text.push_str(&format!(" and {} more", names.len() - SHOWN));
    }
    text
}

/// Whether values that look so can stand in a field.
fn fits(field: &str, column: &Column, look: Look) -> bool {
    match field {
        "src_endpoint.ip" | "dst_endpoint.ip" => look == Look::Ip,
        "http_request.http_method" => look == Look::Method,
        "http_request.url.url_string" => matches!(look, Look::Target | Look::Url),
        "request_line" => look == Look::RequestLine,
        "request_query" => look == Look::Other,
        "http_response.code" => look == Look::Status,
        "query_info.query_string" => look == Look::Statement,
        "http_request.user_agent" => matches!(look, Look::UserAgent | Look::Other),
        "http_request.referrer" => matches!(look, Look::Url | Look::Target),
        "status" => column.distinct.keys().all(|v| matches!(v.as_str(), "success" | "failure")),
        "actor.user.name" => matches!(look, Look::Other | Look::Mail),
        "query_info.parameters" => look == Look::Json,
        _ if is_number(field) => matches!(look, Look::Number | Look::Status),
        _ => !matches!(look, Look::Json | Look::Time | Look::Level),
    }
}

fn is_number(field: &str) -> bool {
    field.starts_with("duration") || stanch_model::NumberField::from_name(field).is_some()
}

/// Looks that leave little doubt.
fn bonus(look: Look) -> usize {
    if matches!(look, Look::Method | Look::RequestLine | Look::Statement | Look::UserAgent | Look::Ip) { 5 } else { 0 }
}

/// Where values go by their looks alone, and how sure that is.
fn by_content(look: Look) -> &'static [(&'static str, usize)] {
    match look {
        Look::Ip => &[("src_endpoint.ip", 2)],
        Look::Method => &[("http_request.http_method", 9)],
        Look::RequestLine => &[("request_line", 9)],
        Look::Target => &[("http_request.url.url_string", 3)],
        Look::Url => &[("http_request.url.url_string", 1), ("http_request.referrer", 2)],
        Look::UserAgent => &[("http_request.user_agent", 9)],
        Look::Statement => &[("query_info.query_string", 9)],
        Look::Status => &[("http_response.code", 1)],
        Look::Mail => &[("actor.user.name", 1)],
        _ => &[],
    }
}
