"""What the reference company is: products, places, people, customers, campaigns, the same for all days."""
