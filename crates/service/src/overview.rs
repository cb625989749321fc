//! Transactions as a list: filtered, searched, newest first.

use serde::Deserialize;
use utoipa::IntoParams;
use xiezhi_database::Value;

use crate::{
    Book, ServiceError,
    book::{number, time},
    view::Overview,
};

/// Most transactions of one answer.
pub const OVERVIEW_MAX: usize = 50;

/// Which transactions are wanted; what is empty does not narrow. Nothing of an entry but its root can be searched: it lies sealed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct Filter {
    /// `open` or `closed`; both by default.
    pub state: String,
    /// A template's id.
    pub template: String,
    /// The beginning of a transaction's id, a record's number, or an entry's root.
    pub search: String,
    /// The last id of the answer before.
    pub before: String,
}

impl Book {
    /// The owner's transactions that `filter` names, newest first; at most [`OVERVIEW_MAX`].
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] for an unknown `before`.
    pub async fn overview(&self, owner: &str, filter: &Filter) -> Result<Vec<Overview>, ServiceError> {
        let mut before = i64::MAX;
        if !filter.before.is_empty() {
            let sql = "SELECT seq FROM evidence_transactions WHERE id = $1 AND owner = $2";
            let rows = self.database.query(sql, vec![filter.before.as_str().into(), owner.into()]).await?;
            before = rows.first().ok_or(ServiceError::NotFound("transaction"))?.int(0)?;
        }
        let search = filter.search.trim().to_lowercase();
        let is_hex = search.bytes().all(|b| b.is_ascii_hexdigit());
        // Only digits go into the pattern, so that nothing in it needs escaping.
        let pattern = if is_hex { format!("{search}%") } else { String::new() };
        let root = hex::decode(&search).ok().filter(|root| root.len() == 32).unwrap_or_default();
        let sql = "SELECT t.id, t.template, t.version, t.state, t.opened_ms, \
            (SELECT COUNT(*) FROM evidence_entries e WHERE e.transaction_id = t.id), \
            (SELECT COUNT(*) FROM evidence_legs l WHERE l.transaction_id = t.id), \
            (SELECT COUNT(*) FROM evidence_legs l WHERE l.transaction_id = t.id AND l.state = 'sealed'), \
            (SELECT COUNT(*) FROM evidence_legs l WHERE l.transaction_id = t.id AND l.state = 'failed') \
            FROM evidence_transactions t WHERE t.owner = $1 AND t.seq < $2 \
            AND ($3 = '' OR t.state = $3) AND ($4 = '' OR t.template = $4) AND ($5 = '' OR t.id LIKE $6 \
            OR EXISTS (SELECT 1 FROM evidence_entries e WHERE e.transaction_id = t.id AND e.root = $7) \
            OR EXISTS (SELECT 1 FROM evidence_legs l WHERE l.transaction_id = t.id AND LOWER(l.record) = $5)) \
            ORDER BY t.seq DESC LIMIT $8";
        let values = vec![
            owner.into(),
            before.into(),
            filter.state.as_str().into(),
            filter.template.as_str().into(),
            search.into(),
            pattern.into(),
            root.into(),
            Value::from(i64::try_from(OVERVIEW_MAX).unwrap_or(i64::MAX)),
        ];
        let mut found = Vec::new();
        for row in self.database.query(sql, values).await? {
            found.push(Overview {
                id: row.text(0)?.to_owned(),
                template: row.text(1)?.to_owned(),
                version: number(&row, 2)?,
                state: row.text(3)?.to_owned(),
                opened: time(&row, 4)?.rfc3339(),
                entries: number(&row, 5)?,
                legs: number(&row, 6)?,
                sealed: number(&row, 7)?,
                failed: number(&row, 8)?,
            });
        }
        Ok(found)
    }

    /// Whether any entry was ever on its way to a sink.
    ///
    /// # Errors
    /// [`ServiceError::Database`].
    pub async fn is_under_way(&self) -> Result<bool, ServiceError> {
        let sql = "SELECT seq FROM evidence_legs WHERE state <> 'pending' OR statement IS NOT NULL LIMIT 1";
        Ok(!self.database.query(sql, Vec::new()).await?.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Entry, Opening,
        outbox::tests::{World, clock, settle},
    };

    #[tokio::test]
    async fn a_list_is_narrowed_by_state_template_and_search_and_is_the_owners_own() {
        let world = World::new(1);
        let book = world.book().await;
        let mut ids = Vec::new();
        for template in ["free-form", "copyright-text", "free-form"] {
            let opening =
                Opening { template: template.to_owned(), version: None, customer: None, sinks: Vec::new() };
            ids.push(book.begin("shop", &opening, None, clock()).await.unwrap().id);
        }
        assert!(!book.is_under_way().await.unwrap());
        let fields = serde_json::json!({ "business": "2" }).as_object().unwrap().clone();
        let entry = Entry { phase: 1, fields, ..Entry::default() };
        let added = book.add("shop", &ids[2], &entry, None, clock()).await.unwrap();
        book.pack("shop", &ids[2], clock()).await.unwrap();
        settle(&book).await;
        assert!(book.is_under_way().await.unwrap());
        let filter = |state: &str, template: &str, search: &str, before: &str| Filter {
            state: state.to_owned(),
            template: template.to_owned(),
            search: search.to_owned(),
            before: before.to_owned(),
        };
        let rows: [(Filter, &[usize]); 10] = [
            (Filter::default(), &[2, 1, 0]),
            (filter("open", "", "", ""), &[1, 0]),
            (filter("closed", "", "", ""), &[2]),
            (filter("", "free-form", "", ""), &[2, 0]),
            (filter("open", "free-form", "", ""), &[0]),
            (filter("", "", &ids[1][..12], ""), &[1]),
            (filter("", "", &added.root.to_uppercase(), ""), &[2]),
            (filter("", "", "1", ""), &[]),
            (filter("", "", "%", ""), &[]),
            (filter("", "", "", &ids[2]), &[1, 0]),
        ];
        for (filter, expected) in rows {
            let found = book.overview("shop", &filter).await.unwrap();
            let mut expected: Vec<_> = expected.iter().map(|at| ids[*at].as_str()).collect();
            if filter.search == "1" {
                // The sinks of these tests number every record 1, which may begin an id too.
                expected = (0..3)
                    .rev()
                    .filter(|at| *at == 2 || ids[*at].starts_with('1'))
                    .map(|at| ids[at].as_str())
                    .collect();
            }
            assert_eq!(found.iter().map(|one| one.id.as_str()).collect::<Vec<_>>(), expected, "{filter:?}");
        }
        let closed = &book.overview("shop", &filter("closed", "", "", "")).await.unwrap()[0];
        assert_eq!((closed.entries, closed.legs, closed.sealed, closed.failed), (2, 2, 2, 0));
        assert!(book.overview("bank", &Filter::default()).await.unwrap().is_empty());
        let unknown = book.overview("bank", &filter("", "", "", &ids[0])).await;
        assert!(matches!(unknown, Err(ServiceError::NotFound(_))));
    }
}
