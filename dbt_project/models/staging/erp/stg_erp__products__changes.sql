{{ changed_keys('erp', 'erp_products', {'sku': 'text'}) }}
