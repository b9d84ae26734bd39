"""The retrain loop: requests training when there is a reason, and rolls back a promoted model that does harm."""
