//! Requests whose parameter is pasted into SQL, and the statements that came of them.

use super::{Gathering, LINK_US, NOT_LOGGED, Outcome, Request, Statement};
use crate::platform::{Route, Service};
use crate::routes::{self, Matched};
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::rc::Rc;

impl<'p> Gathering<'p> {
    fn pasting(&self) -> impl Iterator<Item = (&'p str, &'p Service, &'p Route)> + use<'p> {
        let platform = self.platform;
        platform.services.iter().flat_map(|(name, service)| {
            service.routes.values().filter(|r| r.pastes.is_some()).map(move |route| (name.as_str(), service, route))
        })
    }

    pub(super) fn roles_of_pasting_services(&self) -> BTreeSet<String> {
        self.pasting()
            .filter(|(name, _, _)| self.requests.iter().any(|r| r.service == *name))
            .filter_map(|(_, service, _)| service.database_role.clone())
            .collect()
    }

    /// Requests whose parameter was pasted into SQL are joined, in order, to the statements that came of them. What is
    /// then neither joined nor the intruder's own connection was somebody else's.
    pub(super) fn link(&mut self) {
        let mut by_text: HashMap<(Rc<str>, String), VecDeque<usize>> = HashMap::new();
        for (at, statement) in self.accesses.statements.iter().enumerate().filter(|(_, s)| !s.direct) {
            let key = (statement.role.clone(), statement.text.trim().to_owned());
            by_text.entry(key).or_default().push_back(at);
        }
        let has_log = !by_text.is_empty();
        let mut linked = BTreeSet::new();
        let mut from_requests = Vec::new();
        for request in &self.requests {
            let Some(service) = self.platform.services.get(&request.service) else { continue };
            let Matched::Route { route, parameters, .. } = routes::find(service, &request.method, &request.target)
            else {
                continue;
            };
            let Some(pasted) = &route.pastes else { continue };
            let text = paste(pasted, &parameters);
            let role = self.names.name(service.database_role.as_deref().unwrap_or_default());
            let key = (role.clone(), text.trim().to_owned());
            let found = by_text.get_mut(&key).and_then(|queue| {
                let near = |at: &usize| {
                    let apart = self.accesses.statements[*at].spot.time.0 - request.spot.time.0;
                    apart.abs() <= LINK_US
                };
                let place = queue.iter().position(near)?;
                queue.remove(place)
            });
            match found {
                Some(at) => {
                    let statement = &mut self.accesses.statements[at];
                    statement.bytes = request.bytes;
                    statement.shows_errors = service.shows_errors;
                    linked.insert(at);
                }
                // Either it never reached the database, or the log is not whole: what it asked for is possible.
                None if has_log => {
                    self.accesses.unlinked.push(request.spot);
                    from_requests.push(statement_of(request, service, text, role, NOT_LOGGED));
                }
                None => from_requests.push(statement_of(request, service, text, role, "")),
            }
        }
        let mut at = 0;
        self.accesses.statements.retain(|statement| {
            at += 1;
            statement.direct || linked.contains(&(at - 1))
        });
        self.accesses.statements.extend(from_requests);
    }
}

/// Without a database log the request alone gives the statement.
fn statement_of(request: &Request, service: &Service, text: String, role: Rc<str>, because: &'static str) -> Statement {
    let outcome = if request.status < 400 {
        Outcome::Ran
    } else {
        Outcome::Failed { code: String::new(), message: String::new() }
    };
    Statement {
        spot: request.spot,
        text,
        parameters: None,
        outcome,
        shows_errors: service.shows_errors,
        rows: None,
        bytes: request.bytes,
        because,
        session: "".into(),
        role,
        direct: false,
    }
}

fn paste(template: &str, parameters: &BTreeMap<String, String>) -> String {
    let mut text = template.to_owned();
    for (name, value) in parameters {
        text = text.replace(&format!("{{{name}}}"), value);
    }
    text
}
