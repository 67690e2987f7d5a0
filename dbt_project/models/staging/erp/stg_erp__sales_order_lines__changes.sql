{{ changed_keys('erp', 'erp_sales_order_lines', {'order_id': 'text', 'line_no': 'integer'}) }}
