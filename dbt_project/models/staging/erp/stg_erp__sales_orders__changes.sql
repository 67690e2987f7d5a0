{{ changed_keys('erp', 'erp_sales_orders', {'order_id': 'text'}) }}
