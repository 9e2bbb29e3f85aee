use filbert_connector_api::CatalogObject;
use filbert_types::{CatalogTable, ObjectPath};

use super::{CatalogManager, ObjectKind};

fn parts(name: &str) -> Vec<String> {
    name.split('.').map(str::to_owned).collect()
}

fn table(comment: &str) -> CatalogObject {
    CatalogObject::Table(CatalogTable {
        comment: Some(comment.to_owned()),
        ..CatalogTable::default()
    })
}

#[test]
fn a_temporary_table_hides_the_catalogs_until_dropped() {
    let mut manager = CatalogManager::new("cat", "db");
    let path = ObjectPath::new("cat", "db", "orders");
    assert!(
        manager
            .create_object(&path, table("kept"), false, false)
            .unwrap()
    );
    assert!(
        manager
            .create_object(&path, table("temporary"), true, false)
            .unwrap()
    );
    assert!(manager.lookup(&parts("orders")).unwrap().temporary);
    assert_eq!(manager.list_objects("cat", "db").unwrap(), ["orders"]);

    let error = manager
        .drop_object(&path, ObjectKind::Table, false, false)
        .unwrap_err();
    assert!(error.to_string().contains("Drop it first"), "{error}");
    manager
        .drop_object(&path, ObjectKind::Table, true, false)
        .unwrap();
    assert!(!manager.lookup(&parts("db.orders")).unwrap().temporary);
}

#[test]
fn a_missing_name_says_which_part_is_missing_and_what_is_near() {
    let mut manager = CatalogManager::new("cat", "db");
    let path = ObjectPath::new("cat", "db", "orders");
    manager
        .create_object(&path, table(""), false, false)
        .unwrap();
    let error = |name: &str| manager.lookup(&parts(name)).unwrap_err().to_string();
    assert_eq!(
        error("ordres"),
        "Object 'ordres' not found. Did you mean 'orders'?"
    );
    assert_eq!(
        error("nowhere.orders"),
        "Object 'nowhere' not found within 'cat'."
    );
    assert_eq!(
        error("car.db.orders"),
        "Object 'car' not found. Did you mean 'cat'?"
    );
}
