"""What happens in the reference company day by day, told from what it is."""
