//! What the records of one serial say together, as an event.

use crate::harvest::Harvest;
use crate::hosts::auditd::Open;
use crate::hosts::auditd::record::By;
use crate::hosts::auditd::sockaddr::{self, Address};
use crate::hosts::auditd::tables::{AuditTables, ConnectionEnd, Meaning};
use crate::hosts::auditd::values::{Field, Record, each_left, is_set, left_over, says_something, taken};
use crate::targets::{Draft, Target};
use stanch_model::{EventClass, NumberField, TextField};
use std::borrow::Cow;
use std::net::IpAddr;

/// Hands out an event.
pub(super) fn write(open: &Open, tables: &AuditTables, harvest: &mut Harvest) {
    let position = open.position.position();
    let records: Vec<Record<'_>> = open.records().map(|(kind, body)| Record::read(kind, body, tables)).collect();
    let Some(main) = records.iter().find(|r| r.kind == "SYSCALL").or_else(|| records.first()) else {
        return harvest.unread_lines(
            position,
            open.lines,
            "the end mark of an event of which no record stands before it",
        );
    };
    let (draft, class, activity) = (Draft::default(), EventClass::Base, None);
    let mut event = Event { records: &records, main, draft, class, activity };
    event.put(TextField::Device, &open.node);
    event.number(NumberField::Sequence, open.serial.to_string());
    event.call(tables);
    event.meaning(tables);
    event.who();
    event.process();
    event.outcome(tables);
    event.address_named();
    event.rest();
    let Event { mut draft, class, activity, .. } = event;
    if let Some(activity) = activity {
        draft.put(Target::Text(TextField::Activity), activity);
    }
    draft.finish((open.time, class, position), |record| harvest.event(record, open.lines));
}

/// An event under way.
struct Event<'r, 'a> {
    records: &'r [Record<'a>],
    main: &'r Record<'a>,
    draft: Draft<'r>,
    class: EventClass,
    activity: Option<String>,
}

impl<'r, 'a> Event<'r, 'a> {
    fn put(&mut self, field: TextField, value: impl Into<Cow<'r, str>>) {
        let value = value.into();
        if says_something(&value) && !self.draft.has(Target::Text(field)) {
            self.draft.put(Target::Text(field), value);
        }
    }

    fn number(&mut self, field: NumberField, value: impl Into<Cow<'r, str>>) {
        self.draft.put(Target::Number(field), value);
    }

    /// The system call, and where it connected or was connected from.
    fn call(&mut self, tables: &AuditTables) {
        let (Some(arch), Some(number)) = (self.main.take("arch"), self.main.find("syscall")) else { return };
        let arch = tables.arch(arch);
        self.draft.unmapped_text("arch", arch);
        let said = self.main.fields.iter().find(|f| f.by == By::Daemon && f.key == "SYSCALL").map(taken);
        let name = said.or_else(|| tables.syscall(arch, &number.value)).unwrap_or(&number.value);
        number.used.set(true);
        self.main.fields.iter().filter(|f| f.by == By::Daemon && f.key == "ARCH").for_each(|f| f.used.set(true));
        let meaning = tables.call(name);
        let address = self.records.iter().filter(|r| r.kind == "SOCKADDR").find_map(address);
        let is_inet = matches!(address, Some(Address::Inet { .. }));
        // Sockets of the machine itself are no network.
        if let Some(meaning) = meaning.filter(|m| is_inet || m.class != EventClass::NetworkActivity) {
            self.class = meaning.class;
        }
        self.activity = Some(meaning.and_then(|m| m.activity.as_deref()).unwrap_or(name).to_owned());
        self.draft.unmapped_text("syscall", name);
        self.end(address, meaning.and_then(|m| m.address));
    }

    fn end(&mut self, address: Option<Address>, end: Option<ConnectionEnd>) {
        match (address, end) {
            (Some(Address::Inet { ip, port }), Some(ConnectionEnd::Source)) => {
                self.put(TextField::SrcIp, ip);
                self.number(NumberField::SrcPort, port.to_string());
            }
            (Some(Address::Inet { ip, port }), _) => {
                self.put(TextField::DstIp, ip);
                self.number(NumberField::DstPort, port.to_string());
            }
            (Some(Address::Unix(path)), _) => self.put(TextField::Resource, path),
            (Some(Address::Other(family)), _) => self.draft.unmapped_json("saddr_family", &family.to_string()),
            (None, _) => {}
        }
    }

    /// What a record's type says that the event is; that goes before what the call says.
    fn meaning(&mut self, tables: &AuditTables) {
        let meant = |r: &'r Record<'_>| tables.record(r.kind).map(|m| (r, m));
        let of_a_class = self.records.iter().filter_map(meant).find(|(_, m)| m.class != EventClass::Base);
        let Some((record, meaning)) = of_a_class.or_else(|| meant(self.main)) else { return };
        if meaning.class != EventClass::Base {
            self.class = meaning.class;
        }
        if meaning.class != EventClass::Base || self.activity.is_none() {
            self.activity = activity(record, meaning).or(self.activity.take());
        }
    }

    /// Who did it, and to which account. Of an authentication, the account is who.
    fn who(&mut self) {
        let main = self.main;
        let whom = ["acct", "id"].map(|key| self.records.iter().find_map(|r| r.find(key)));
        if self.class == EventClass::Authentication && whom != [None, None] {
            let name = whom[0].or_else(|| self.added("ID"));
            name.into_iter().for_each(|name| self.put(TextField::UserName, taken(name)));
            whom[1].into_iter().for_each(|id| self.put(TextField::UserUid, taken(id)));
        } else {
            // Who logged in counts, whoever they have become since.
            let login = main.find("auid").filter(|f| is_set(&f.value));
            let (id, name) = if login.is_some() { (login, "AUID") } else { (main.find("uid"), "UID") };
            id.into_iter().for_each(|id| self.put(TextField::UserUid, taken(id)));
            self.added(name).into_iter().for_each(|name| self.put(TextField::UserName, taken(name)));
            if self.class == EventClass::AccountChange
                && let Some(whom) = whom[0].or_else(|| self.added("ID")).or(whom[1])
            {
                self.put(TextField::Resource, taken(whom));
            }
        }
        if let Some(session) = main.find("ses") {
            session.used.set(true);
            if is_set(&session.value) {
                self.put(TextField::SessionUid, session.value.as_ref());
            }
        }
    }

    /// A name that the audit daemon has added for a number.
    fn added(&self, key: &str) -> Option<&'r Field<'a>> {
        let main: &'r Record<'a> = self.main;
        main.fields.iter().find(|f| f.by == By::Daemon && f.key == key && is_set(&f.value) && says_something(&f.value))
    }

    /// The program, its command line, the file that it acted on.
    fn process(&mut self) {
        let exe = self.main.find("exe").or_else(|| self.main.find("comm"));
        if let Some(exe) = exe {
            self.put(TextField::Process, taken(exe));
        }
        if let Some(pid) = self.main.take("pid") {
            self.number(NumberField::Pid, pid);
        }
        let typed = self.main.find("cmd").map(taken).map(Cow::Borrowed);
        let line = self.arguments().map(Cow::Owned).or(typed);
        let title = self.records.iter().filter(|r| r.kind == "PROCTITLE").find_map(|r| r.find("proctitle"));
        // A process may have changed its title, which then says more.
        let title = title.filter(|t| line.as_ref().is_none_or(|line| *line == t.value)).map(taken);
        if let Some(line) = line.or(title.map(Cow::Borrowed)) {
            self.put(TextField::CommandLine, line);
        }
        if matches!(self.main.kind, "TTY" | "USER_TTY")
            && let Some(keys) = self.main.take("data")
        {
            self.put(TextField::Message, keys);
        }
        if self.class != EventClass::ProcessActivity && !self.draft.has(Target::Text(TextField::Resource)) {
            self.file();
        }
    }

    /// The arguments of a program that was started. Long ones come in pieces, many of them in several records.
    fn arguments(&mut self) -> Option<String> {
        let mut args: Vec<(usize, Cow<'_, str>)> = Vec::new();
        for record in self.records.iter().filter(|r| r.kind == "EXECVE") {
            for field in &record.fields {
                let Some(n) = field.key.strip_prefix('a') else { continue };
                let is_piece = n.ends_with(']');
                let Ok(n) = n.split_once('[').map_or(n, |(n, _)| n).parse::<usize>() else { continue };
                field.used.set(true);
                match args.last_mut().filter(|(last, _)| is_piece && *last == n) {
                    Some((_, arg)) => arg.to_mut().push_str(&field.value),
                    None => args.push((n, Cow::Borrowed(field.value.as_ref()))),
                }
            }
        }
        if args.is_empty() {
            return None;
        }
        let line: Vec<&str> = args.iter().map(|(_, arg)| arg.as_ref()).collect();
        // Where blanks do not tell where arguments begin, they are kept one by one too.
        if line.iter().any(|arg| arg.is_empty() || arg.contains(char::is_whitespace))
            && let Ok(list) = serde_json::to_string(&line)
        {
            self.draft.unmapped_json("args", &list);
        }
        Some(line.join(" "))
    }

    /// The first path that is no parent folder, under the folder that the program was in.
    fn file(&mut self) {
        let is_itself = |r: &&'r Record<'_>| !matches!(r.get("nametype").or_else(|| r.get("objtype")), Some("PARENT"));
        let Some(name) = self.records.iter().filter(|r| r.kind == "PATH").filter(is_itself).find_map(|r| r.get("name"))
        else {
            return;
        };
        let folder = self.records.iter().filter(|r| r.kind == "CWD").find_map(|r| r.get("cwd"));
        match folder {
            Some(folder) if !name.starts_with('/') => {
                self.put(TextField::Resource, format!("{}/{name}", folder.trim_end_matches('/')));
            }
            _ => self.put(TextField::Resource, name),
        }
    }

    fn outcome(&mut self, tables: &AuditTables) {
        let said = ["success", "res", "result"];
        let Some(field) = said.iter().find_map(|key| self.records.iter().find_map(|r| r.find_last(key))) else {
            if self.records.iter().any(|r| r.kind == "AVC" && r.words.starts_with("avc: denied")) {
                self.put(TextField::Status, "failure");
            }
            return;
        };
        let status = match field.value.as_ref() {
            "yes" | "success" | "1" => "success",
            "no" | "failed" | "fail" | "0" => "failure",
            _ => return,
        };
        field.used.set(true);
        self.put(TextField::Status, status);
        if status == "failure"
            && let Some(exit) = self.main.take("exit")
        {
            self.put(TextField::StatusCode, tables.error(exit).unwrap_or(exit).to_owned());
        }
    }

    /// The address that a program names. A host's name alone is no address.
    fn address_named(&mut self) {
        for key in ["addr", "hostname"] {
            let Some(field) = self.records.iter().find_map(|r| r.find_last(key)) else { continue };
            if field.value.parse::<IpAddr>().is_ok() {
                self.put(TextField::SrcIp, taken(field));
                return;
            }
        }
    }

    /// Everything that no event field has: the main record's fields as they are, others under their record's type.
    fn rest(&mut self) {
        self.draft.unmapped_text("type", self.main.kind);
        if !self.main.words.is_empty() {
            self.draft.unmapped_text("text", self.main.words.trim_end_matches([' ', ':']));
        }
        let mut members = String::new();
        let mut done: Vec<&str> = Vec::new();
        each_left(self.main, |name, value| self.draft.unmapped_text(name, value));
        for record in self.records {
            if std::ptr::eq(record, self.main) || done.contains(&record.kind) {
                continue;
            }
            done.push(record.kind);
            members.clear();
            let same = self.records.iter().filter(|r| r.kind == record.kind && !std::ptr::eq(*r, self.main));
            let mut count = 0;
            for record in same {
                let object = left_over(record);
                if object.is_empty() {
                    continue;
                }
                count += 1;
                if count > 1 {
                    members.push(',');
                }
                members.push('{');
                members.push_str(&object);
                members.push('}');
            }
            match count {
                0 => {}
                1 => self.draft.unmapped_json(record.kind, &members),
                _ => self.draft.unmapped_json(record.kind, &format!("[{members}]")),
            }
        }
    }
}

fn activity(record: &Record<'_>, meaning: &Meaning) -> Option<String> {
    let said = meaning.activity_from.as_deref().and_then(|key| record.get(key));
    said.map(str::to_owned).or_else(|| meaning.activity.clone())
}

fn address(record: &Record<'_>) -> Option<Address> {
    let raw = record.find("saddr");
    let said = record.find("SADDR");
    let address =
        raw.and_then(|f| sockaddr::read(&f.value)).or_else(|| said.and_then(|f| sockaddr::interpreted(&f.value)));
    if matches!(address, Some(Address::Inet { .. } | Address::Unix(_))) {
        raw.into_iter().chain(said).for_each(|f| f.used.set(true));
    }
    address
}
