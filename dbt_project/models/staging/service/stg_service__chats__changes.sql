{{ changed_keys('service', 'cs_chats', {'chat_id': 'text'}) }}
