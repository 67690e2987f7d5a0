{{ changed_keys('ecommerce', 'rev_reviews', {'review_id': 'text'}) }}
