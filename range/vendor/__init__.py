"""Vendor X: recommendations and analytics for stores. A process of its own, with old code and rights that are too wide."""
