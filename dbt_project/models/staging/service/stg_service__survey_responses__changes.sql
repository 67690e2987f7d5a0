{{
    changed_keys(
        'service', 'srv_responses', {'survey_id': 'text', 'respondent_id': 'text', 'question_code': 'text'}
    )
}}
